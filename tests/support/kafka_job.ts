/** A job with state from topic to topic, and what it must have done whatever happened to it meanwhile. */

import { assertEquals } from "@std/assert";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { type CliResult, runCli, spawnCli } from "./cli.ts";
import { freshTopic, readTopic, writeTopic } from "./kafka.ts";
import { scriptOf, TestFolder } from "./processor_script.ts";

const SCRIPT = scriptOf(
  `const n = (context.state.get<number>(key) ?? 0) + value.cents;
   context.state.set(key, n);
   context.emit({ key, value: { key, n, id: context.uuid(), at: context.now }, headers: { seen: String(n) } });`,
);
/** Divisible by the partition counts in use: all records of a key are in one partition. */
const KEYS = 48;

/** Key → its outputs in order, and the digest chain of every task. */
export interface JobOutcome {
  readonly outputs: Readonly<Record<string, readonly string[]>>;
  readonly digests: readonly string[];
}

/** What may differ from job to job. */
export interface JobOptions {
  readonly address: string;
  readonly input: string;
  readonly feedRecords: number;
  readonly sinkOptions?: string;
  readonly sourceOptions?: string;
  readonly partitions?: number;
}

/** A topic with `records` that are given; each key has its partition. */
export async function jobInput(address: string, partitions: number, records: number): Promise<string> {
  const topic = await freshTopic(partitions, address);
  await addRecords(address, topic, partitions, 0, records);
  return topic;
}

/** Adds the records `[from, to)` to a topic that {@linkcode jobInput} made. */
export async function addRecords(
  address: string,
  topic: string,
  partitions: number,
  from: number,
  to: number,
): Promise<void> {
  const records = Array.from({ length: to - from }, (_, i) => ({
    partition: (from + i) % partitions,
    key: `c${(from + i) % KEYS}`,
    value: JSON.stringify({ cents: (from + i) * 31 % 997 }),
    timeMs: 1_700_000_000_000 + from + i,
  }));
  await writeTopic(topic, records, address);
}

/** See the module. */
export class KafkaJob implements AsyncDisposable {
  readonly folder = new TestFolder();
  readonly output: string;
  readonly #options: JobOptions;

  private constructor(output: string, options: JobOptions) {
    this.output = output;
    this.#options = options;
    this.folder.write("p.ts", SCRIPT);
  }

  static async create(options: JobOptions): Promise<KafkaJob> {
    return new KafkaJob(await freshTopic(options.partitions ?? 4, options.address), options);
  }

  /** The arguments of `sluice`; `isBounded` unless the run is to follow its input. */
  args({ isBounded = true, source = "", sink = "", journal = ".sluice/journal.db" } = {}): readonly string[] {
    const { address, input, feedRecords, sinkOptions = "", sourceOptions = "" } = this.#options;
    return ["run", "p.ts", "--from", `kafka://${source || address}/${input}${sourceOptions}`, "--name", this.output]
      .concat(["--to", `kafka://${sink || address}/${this.output}${sinkOptions}`, "--quiet", "--clock", "event"])
      .concat(["--feed-records", String(feedRecords), "--journal", journal, ...(isBounded ? ["--until-end"] : [])]);
  }

  start(options: Parameters<KafkaJob["args"]>[0] = {}): Deno.ChildProcess {
    return spawnCli(this.args(options), { cwd: this.folder.path });
  }

  async run(options: Parameters<KafkaJob["args"]>[0] = {}): Promise<CliResult> {
    return await runCli(this.args(options), { cwd: this.folder.path });
  }

  /** Runs it to its end without harm; what other jobs over the same input must equal. */
  async finish(): Promise<JobOutcome> {
    const { code, stderr } = await this.run();
    assertEquals([code, stderr], [0, ""]);
    return await this.outcome();
  }

  /** What it has done so far; its journal must be whole. */
  async outcome(): Promise<JobOutcome> {
    const verified = await runCli(["journal", "verify"], { cwd: this.folder.path });
    assertEquals(verified.code, 0, verified.stderr);
    const journal = SqliteJournal.openReader(this.folder.at(".sluice/journal.db"));
    const tasks = journal.tasks(journal.run(this.output)!);
    const digests = tasks.map((task) => journal.task(task).lastFeed()!.chain.toHex());
    journal.close();
    const byKey = Map.groupBy(await readTopic(this.output, this.#options.address), ({ key }) => key!);
    const outputs = [...byKey].sort().map(([key, records]) => [
      key,
      records.map(({ value, headers }) => `${value} ${headers}`),
    ]);
    return { outputs: Object.fromEntries(outputs), digests };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]();
  }
}

/** How many feeds of the run in `folder` the journal has. */
export function feedsJournaled(job: KafkaJob): number {
  try {
    const journal = SqliteJournal.openReader(job.folder.at(".sluice/journal.db"));
    const run = journal.run(job.output);
    const lasts = run ? journal.tasks(run).map((task) => journal.task(task).lastFeed()?.seq ?? -1) : [];
    journal.close();
    return lasts.reduce((sum, seq) => sum + seq + 1, 0);
  } catch {
    // It is being made.
    return 0;
  }
}

/** Resolves when the journal has `feeds` feeds. */
export async function untilFeeds(job: KafkaJob, feeds: number): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (feedsJournaled(job) < feeds) {
    if (performance.now() > deadlineMs) throw new Error(`the run never reached ${feeds} feeds`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What a child that was started said and how it ended. */
export async function ended(child: Deno.ChildProcess): Promise<Pick<CliResult, "code" | "signal" | "stderr">> {
  await child.stdin.close().catch(() => {});
  const { code, signal, stderr } = await child.output();
  return { code, signal, stderr: new TextDecoder().decode(stderr) };
}
