/** A stateful run from a Redis stream to another, by the command line; and what it left. */

import { assertEquals } from "@std/assert";
import { Redis } from "ioredis";
import type { JournalEvent } from "../../controller/journal/journal.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { redisCli } from "../../tools/services/redis.ts";
import { type CliResult, runCli, signalIfRunning, spawnCli } from "./cli.ts";
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
  /** Where to look for its outputs, when that is not where it writes. */
  readonly probe?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** See the module. */
export class RedisJob implements AsyncDisposable {
  readonly folder = new TestFolder();
  readonly output: string;
  readonly #args: readonly string[];
  readonly #probe: readonly string[];
  readonly #env: Readonly<Record<string, string>>;

  constructor(options: RedisJobOptions) {
    const { from, to = from, input, output = freshKey(), feedRecords = 50 } = options;
    this.folder.write("p.ts", SCRIPT);
    this.output = output;
    this.#probe = options.probe ?? to.split(",");
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
  async entries(address = this.#probe[0]): Promise<readonly string[]> {
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
  async untilLength(length: number): Promise<number> {
    await using probe = new Probe(this.#probe);
    const deadlineMs = performance.now() + 60_000;
    for (;;) {
      const found = await probe.length(this.output);
      if (found > length) return found;
      if (performance.now() > deadlineMs) throw new Error(`the run never wrote ${length} entries`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]();
  }
}

/** Asserts that entries are what they should be; shows the first difference, of what may be thousands. */
export function assertEntries(actual: readonly string[], expected: readonly string[], message?: string): void {
  const at = expected.findIndex((entry, i) => entry !== actual[i]);
  const shown = at < 0 ? undefined : { at, entry: actual[at] };
  assertEquals(shown, at < 0 ? undefined : { at, entry: expected[at] }, message);
  assertEquals(actual.length, expected.length, message);
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
    signalIfRunning(this.child, "SIGKILL");
    await this.ended;
  }

  /** Awaits a good end; answers what it said. */
  async succeeded(): Promise<string> {
    const { code, stderr } = await this.ended;
    assertEquals(code, 0, stderr);
    return stderr;
  }
}

/** Asks a server for lengths, wherever the stream is by now. */
class Probe implements AsyncDisposable {
  readonly #addresses: readonly string[];
  #redis: Redis | undefined;

  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
  }

  /** 0 while nobody knows. */
  async length(key: string): Promise<number> {
    for (const address of this.#redis ? [undefined, ...this.#addresses] : this.#addresses) {
      try {
        if (address) await this.#connect(address);
        return await this.#redis!.xlen(key);
      } catch (error) {
        const [, moved] = /^MOVED \d+ (\S+)/.exec((error as Error).message) ?? [];
        if (moved) await this.#connect(moved).catch(() => {});
      }
    }
    return 0;
  }

  async #connect(address: string): Promise<void> {
    this.#redis?.disconnect();
    const [host, port] = address.split(":");
    const redis = new Redis({ host, port: Number(port), lazyConnect: true, retryStrategy: () => null });
    redis.on("error", () => {});
    this.#redis = redis;
    await redis.connect();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#redis?.disconnect();
    return Promise.resolve();
  }
}

const ADD_ORDERS = `for i = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  redis.call('XADD', KEYS[1], i .. '-0', 'v', '{"cents":' .. i .. '}', 'k', 'c' .. i % ARGV[3])
end`;

/** Adds `count` orders to a stream, with ids from `<first>-0` on. */
export async function addOrders(address: string, stream: string, count: number, first = 1): Promise<void> {
  await redisCli(address, "EVAL", ADD_ORDERS, "1", stream, String(first), String(count), String(KEYS));
}
