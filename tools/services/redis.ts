/** Redis from Debian's package: one server, or the nodes of a cluster. */

import { freePorts, isListening, requireProgram, runProgram, startServer } from "./server.ts";
import type { Started } from "./services.ts";

const HASH_SLOTS = 16_384;
/** Every write is in a log that is synced every second. */
const KEPT = ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"];

/** How to start a server. */
export interface RedisOptions {
  readonly folder: string;
  /** A free one unless given. */
  readonly port?: number;
  /** Further arguments; those that come twice count as they come last. */
  readonly args?: readonly string[];
  /** What comes before all other arguments, instead of how data is kept. */
  readonly arguments?: readonly string[];
  /** Another server that speaks the same protocol. */
  readonly program?: string;
}

/** Starts a server whose data lies in `folder`. */
export async function startRedis(folder: string): Promise<Started> {
  return await startRedisServer({ folder });
}

/** Starts a server as it is wanted; its data, where there is some, is loaded. */
export async function startRedisServer(options: RedisOptions): Promise<Started> {
  const { folder, args = [], program = "redis-server" } = options;
  if (program === "redis-server") await requireProgram(program, "apt-get install -y redis-server");
  const port = options.port ?? freePorts(1)[0];
  const pid = await startServer({
    program,
    args: [...options.arguments ?? [], "--port", String(port), "--bind", "127.0.0.1"]
      .concat(options.arguments ? [] : KEPT, ["--dir", folder, ...args]),
    folder,
    isReady: () => isListening(port),
  });
  return { pid, address: `127.0.0.1:${port}`, folder };
}

/** Starts a cluster of so many masters that share all slots; resolves when every one of them says that it works. */
export async function startRedisCluster(folder: string, nodes: number): Promise<readonly Started[]> {
  const started: Started[] = [];
  const args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
  for (let node = 0; node < nodes; node++) {
    const own = `${folder}/${node}`;
    await Deno.mkdir(own, { recursive: true });
    started.push(await startRedisServer({ folder: own, args }));
  }
  const [first] = started;
  for (const [node, { address }] of started.entries()) {
    const [from, to] = [node, node + 1].map((each) => Math.floor(each * HASH_SLOTS / nodes));
    await redisCli(address, "CLUSTER", "ADDSLOTSRANGE", String(from), String(to - 1));
    if (node > 0) await redisCli(address, "CLUSTER", "MEET", ...first.address.split(":"));
  }
  for (const { address } of started) await untilClusterWorks(address);
  return started;
}

/** Runs one command, on the node of a cluster that has its key; answers what redis-cli prints. */
export async function redisCli(address: string, ...command: readonly string[]): Promise<string> {
  const [host, port] = address.split(":");
  return (await runProgram("redis-cli", ["-c", "-h", host, "-p", port, ...command], ".")).trim();
}

/** Slots are known everywhere a moment after nodes have met. */
async function untilClusterWorks(address: string): Promise<void> {
  while (!(await redisCli(address, "CLUSTER", "INFO")).includes("cluster_state:ok")) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
