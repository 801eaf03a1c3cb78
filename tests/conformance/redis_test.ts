/** Redis and Valkey through the suites of their ports, on real servers. */

import { Redis } from "ioredis";
import { RedisSink } from "../../adapters/redis/sink.ts";
import { RedisSource } from "../../adapters/redis/source.ts";
import { startRedisServer } from "../../tools/services/redis.ts";
import { stop } from "../../tools/services/services.ts";
import { valkeyProgram } from "../../tools/services/valkey.ts";
import { freshKey, redisAddress } from "../support/redis.ts";
import { testSink } from "./sink_suite.ts";
import { testSource } from "./source_suite.ts";

type Address = Awaited<ReturnType<typeof redisAddress>>;

let valkey: Promise<Address> | undefined;

async function startValkey(): Promise<Address> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-valkey-" });
  const started = await startRedisServer({ folder, program: await valkeyProgram() });
  globalThis.addEventListener("unload", () => void stop(started));
  const [host, port] = started.address.split(":");
  return { host, port: Number(port) };
}

const SERVERS: Readonly<Record<string, () => Promise<Address>>> = {
  redis: redisAddress,
  valkey: () => valkey ??= startValkey(),
};

async function withClient<T>(address: Address, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis({ ...address, lazyConnect: true });
  await redis.connect();
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

for (const [name, addressOf] of Object.entries(SERVERS)) {
  testSource(`${name} source`, async (lines) => {
    const stream = freshKey();
    const address = await addressOf();
    await withClient(address, async (redis) => {
      for (const value of lines) await redis.xadd(stream, "*", "v", value);
    });
    const options = { streams: [{ stream }], fields: { value: "v" }, isBounded: true, start: "earliest" } as const;
    const source = await RedisSource.open({ ...options, address: { endpoints: [address] } });
    return { source, [Symbol.asyncDispose]: () => source.close() };
  });

  testSink(`${name} sink`, async () => {
    const stream = freshKey();
    const address = await addressOf();
    const targets = new Map([["default", { kind: "stream", key: stream, fields: { value: "v", key: "k" } } as const]]);
    return {
      open: () => RedisSink.open({ address: { endpoints: [address] }, targets, run: stream }),
      read: () =>
        withClient(address, async (redis) => (await redis.xrange(stream, "-", "+")).map(([, fields]) => fields[1])),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  });
}
