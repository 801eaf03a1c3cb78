/** A real server for tests. */

import { Redis } from "ioredis";
import type { ServersAddress } from "../../adapters/redis/address.ts";
import { sharedService } from "./shared_service.ts";

/** Where the server is that all tests share: the one of `deno task services`, or one that ends with the tests. */
export async function redisAddress(): Promise<{ readonly host: string; readonly port: number }> {
  const [host, port] = (await sharedService("redis")).address.split(":");
  return { host, port: Number(port) };
}

/** The same for adapters. */
export async function redisServers(): Promise<ServersAddress> {
  return { endpoints: [await redisAddress()] };
}

/** Runs `work` with a client of the test's own. */
export async function withRedis<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis({ ...await redisAddress(), lazyConnect: true });
  await redis.connect();
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** A key that no other test knows. */
export function freshKey(): string {
  return `test-${crypto.randomUUID()}`;
}
