/** A stateful run from a Redis stream to another, by the command line; and what it left. */

import { assertEquals } from "@std/assert";
import { Redis } from "ioredis";
import type { JournalEvent } from "../../controller/journal/journal.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { redisCli } from "../../tools/services/redis.ts";
import { type CliResult, runCli, spawnCli } from "./cli.ts";
import { scriptOf, TestFolder } from "./processor_script.ts";
import { freshKey } from "./redis.ts";

const KEYS = 7;
const JOURNAL = ".sluice/journal.db";

const SCRIPT = scriptOf(
  `const n = (context.state.get<number>(key) ?? 0) + value.cents;
   context.state.set(key, n);
   context.emit({ key, value: { n, id: context.uuid(), at: context.now } });`,
);

/** Where a job reads and writes. */
export interface RedisJobOptions {
  /** `host:port`, or several, with commas between. */
  readonly from: string;
  readonly to?: string;
  readonly input: string;
  readonly output?: string;
  readonly feedRecords?: number;
  /** What is appended to the URIs, such as `&start=latest`. */
  readonly fromOptions?: string;
  readonly toOptions?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** See the module. */
export class RedisJob implements AsyncDisposable {
  readonly folder = new TestFolder();
  readonly output: string;
  readonly #args: readonly string[];
  readonly #to: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(options: RedisJobOptions) {
    const { from, to = from, input, output = freshKey(), feedRecords = 50 } = options;
    this.folder.write("p.ts", SCRIPT);
    this.output = output;
    this.#to = to;
    this.#env = options.env ?? {};
    const source = `redis://${from}/${input}?key=k${options.fromOptions ?? ""}`;
    const sink = `redis://${to}/${output}${options.toOptions ?? ""}`;
    this.#args = ["run", "p.ts", "--from", source, "--to", sink, "--name", "job", "--until-end", "--clock", "event"]
      .concat(["--quiet", "--feed-records", String(feedRecords), ...options.args ?? []]);
  }

  /** Runs to the end, or to a crash after a step. */
  async run(crashAt?: string, args: readonly string[] = []): Promise<CliResult> {
    return await runCli([...this.#args, ...args], {
      cwd: this.folder.path,
      env: this.#env,
      ...(crashAt === undefined ? {} : { crashAt }),
    });
  }

  /** Runs to the end, which is a good one, without a word. */
  async finish(): Promise<void> {
    const { code, stderr } = await this.run();
    assertEquals([code, stderr], [0, ""]);
  }

  /** Runs to the end, which is a good one; answers what it said. */
  async succeed(): Promise<string> {
    const { code, stderr } = await this.run();
    assertEquals(code, 0, stderr);
    return stderr;
  }

  start(): RunningJob {
    return new RunningJob(spawnCli(this.#args, { cwd: this.folder.path, env: this.#env }));
  }

  /** Entries and ids, as redis-cli prints them. */
  async entries(address = this.#to.split(",")[0]): Promise<readonly string[]> {
    const printed = await redisCli(address, "--json", "XRANGE", this.output, "-", "+");
    return (JSON.parse(printed) as readonly unknown[]).map((entry) => JSON.stringify(entry));
  }

  /** What its tasks did, feed by feed, and the state that they have. */
  digests(): readonly string[] {
    const journal = SqliteJournal.openReader(this.folder.at(JOURNAL));
    try {
      return journal.tasks(journal.run("job")!).map((task) => journal.task(task).lastFeed()!.chain.toHex());
    } finally {
      journal.close();
    }
  }

  /** What happened to it besides feeds. */
  events(): readonly JournalEvent[] {
    const journal = SqliteJournal.openReader(this.folder.at(JOURNAL));
    try {
      return journal.events(journal.run("job")!);
    } finally {
      journal.close();
    }
  }

  /** Another machine would have the journal by other means; here it is a copy of what is durable. */
  async copyJournal(): Promise<string> {
    await Deno.mkdir(this.folder.at("copy"));
    for (const suffix of ["", "-wal"]) {
      await Deno.copyFile(this.folder.at(JOURNAL + suffix), this.folder.at(`copy/journal.db${suffix}`));
    }
    return "copy/journal.db";
  }

  /** Resolves when the run has written more than so many entries; answers how many there are. */
  async untilLength(length: number, address = this.#to.split(",")[0]): Promise<number> {
    const [host, port] = address.split(":");
    const redis = new Redis({ host, port: Number(port), lazyConnect: true, retryStrategy: () => null });
    await redis.connect();
    try {
      const deadlineMs = performance.now() + 60_000;
      for (;;) {
        const found = await redis.xlen(this.output);
        if (found > length) return found;
        if (performance.now() > deadlineMs) throw new Error(`the run never wrote ${length} entries`);
      }
    } finally {
      redis.disconnect();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]();
  }
}

/** A run under way; its words are read all the time, so that it never waits for somebody to listen. */
export class RunningJob {
  readonly child: Deno.ChildProcess;
  readonly ended: Promise<{ readonly code: number; readonly stderr: string }>;

  constructor(child: Deno.ChildProcess) {
    this.child = child;
    this.ended = child.output().then(({ code, stderr }) => ({ code, stderr: new TextDecoder().decode(stderr) }));
    child.stdin.close().catch(() => {});
  }

  /** Ends it by SIGKILL. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }

  /** Awaits a good end; answers what it said. */
  async succeeded(): Promise<string> {
    const { code, stderr } = await this.ended;
    assertEquals(code, 0, stderr);
    return stderr;
  }
}

/** Adds `count` orders to a stream, with ids from `1-0` on. */
export async function addOrders(address: string, stream: string, count: number, first = 1): Promise<void> {
  const [host, port] = address.split(":");
  const redis = new Redis({ host, port: Number(port), lazyConnect: true });
  await redis.connect();
  const pipeline = redis.pipeline();
  for (let i = first; i < first + count; i++) {
    pipeline.xadd(stream, `${i}-0`, "v", `{"cents":${i}}`, "k", `c${i % KEYS}`);
  }
  await pipeline.exec();
  redis.disconnect();
}
