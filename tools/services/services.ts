/** Which services run: a file per service says where, so that every command and test of this user finds them. */

import { join } from "node:path";
import { cacheFolder } from "./cache.ts";
import { startDynamodb } from "./dynamodb.ts";
import { startKafka } from "./kafka.ts";
import { startKinesis } from "./kinesis.ts";
import { startRedis } from "./redis.ts";
import { startS3 } from "./s3.ts";
import { isListening } from "./server.ts";

/** The services there are. */
export const SERVICES = ["kafka", "redis", "kinesis", "dynamodb", "s3"] as const;

/** See {@linkcode SERVICES}. */
export type ServiceName = typeof SERVICES[number];

/** A service that runs. */
export interface Service {
  readonly name: ServiceName;
  readonly pid: number;
  /** Host and port. */
  readonly address: string;
  /** Its data and its log. */
  readonly folder: string;
}

/** A server that was started, not yet known to others. */
export type Started = Omit<Service, "name">;

const START: Readonly<Record<ServiceName, (folder: string) => Promise<Started>>> = {
  kafka: startKafka,
  redis: startRedis,
  kinesis: startKinesis,
  dynamodb: startDynamodb,
  s3: startS3,
};

/** Starts `name` unless it runs already. */
export async function up(name: ServiceName): Promise<Service> {
  const known = await find(name);
  if (known) return known;
  const service = { name, ...await start(name) };
  await Deno.mkdir(cacheFolder(), { recursive: true });
  await Deno.writeTextFile(fileOf(name), JSON.stringify(service));
  return service;
}

/** Starts a server that only the caller knows. */
export async function start(name: ServiceName): Promise<Started> {
  return await START[name](await Deno.makeTempDir({ prefix: `sluice-${name}-` }));
}

/** Stops `name` if it runs, and removes its data. */
export async function down(name: ServiceName): Promise<void> {
  const service = await find(name);
  if (service) await stop(service);
  await Deno.remove(fileOf(name)).catch(() => {});
}

/** Ends a server and its data. */
export async function stop({ pid, folder }: Started): Promise<void> {
  Deno.kill(pid, "SIGKILL");
  await Deno.remove(folder, { recursive: true }).catch(() => {});
}

/** The services that run. */
export async function running(): Promise<readonly Service[]> {
  return (await Promise.all(SERVICES.map(find))).filter((service) => service !== undefined);
}

async function find(name: ServiceName): Promise<Service | undefined> {
  try {
    const service = JSON.parse(await Deno.readTextFile(fileOf(name))) as Service;
    Deno.kill(service.pid, "SIGCONT");
    // One that is being ended is still a process for a moment.
    return await isListening(Number(service.address.split(":")[1])) ? service : undefined;
  } catch {
    return undefined;
  }
}

function fileOf(name: ServiceName): string {
  return join(cacheFolder(), `${name}.json`);
}
