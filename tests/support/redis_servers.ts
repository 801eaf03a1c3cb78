/** Servers of a test's own, which it may kill: they end with the test, and so does their data. */

import { type RedisOptions, startRedisCluster, startRedisServer } from "../../tools/services/redis.ts";
import { type Started, stop } from "../../tools/services/services.ts";

/** One server. */
export class OwnRedis implements AsyncDisposable {
  readonly #args: readonly string[];
  readonly #program: string | undefined;
  #started: Started;

  private constructor(started: Started, args: readonly string[], program: string | undefined) {
    this.#started = started;
    this.#args = args;
    this.#program = program;
  }

  static async start(args: readonly string[] = [], { program }: { readonly program?: string } = {}): Promise<OwnRedis> {
    const folder = await Deno.makeTempDir({ prefix: "sluice-redis-" });
    return new OwnRedis(await startRedisServer({ folder, args, ...(program ? { program } : {}) }), args, program);
  }

  /** Starts something else that a server's program can be. */
  static async startAs(options: Required<Pick<RedisOptions, "folder" | "arguments">>): Promise<OwnRedis> {
    return new OwnRedis(await startRedisServer(options), [], undefined);
  }

  get address(): string {
    return this.#started.address;
  }

  get pid(): number {
    return this.#started.pid;
  }

  get folder(): string {
    return this.#started.folder;
  }

  kill(): void {
    Deno.kill(this.pid, "SIGKILL");
  }

  /** Starts it again at the same place, with the data that is on its disk. */
  async startAgain(args = this.#args): Promise<void> {
    const port = Number(this.address.split(":")[1]);
    const { folder } = this.#started;
    const program = this.#program ? { program: this.#program } : {};
    this.#started = await startRedisServer({ folder, port, args, ...program });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#started);
  }
}

/** Also one that the test has ended already. */
async function end(server: Started): Promise<void> {
  try {
    await stop(server);
  } catch {
    await Deno.remove(server.folder, { recursive: true });
  }
}

/** Runs `work` with a cluster. */
export async function withCluster(nodes: number, work: (nodes: readonly Started[]) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-redis-cluster-" });
  const started = await startRedisCluster(folder, nodes);
  try {
    await work(started);
  } finally {
    for (const node of started) await end(node);
    await Deno.remove(folder, { recursive: true });
  }
}
