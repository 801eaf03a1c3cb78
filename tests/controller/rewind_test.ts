/** Rewinding in a journal that was pruned: what is left has to say where each partition stood. */

import { assert, assertEquals } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { pruneRun } from "../../controller/journal/prune.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { planRewind, rewind } from "../../controller/rewind.ts";
import { runProcessor } from "../../controller/run_processor.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const COUNT = "const n = (context.state.get<number>('n') ?? 0) + 1; context.state.set('n', n);";
const LAST_MS = 40;

/** Partition 1 holds a record now and then, partition 2 one at the beginning and one at the end. */
const TIMES = [
  Array.from({ length: LAST_MS }, (_, i) => i),
  [3, 11, 19, 30],
  [0, LAST_MS],
];

class Job implements AsyncDisposable {
  readonly #folder = new TestFolder();
  readonly #sink = new MemorySink();
  readonly journal = this.#folder.at("j.db");

  /** Runs until the end; answers all outputs there are. */
  async run(): Promise<readonly string[]> {
    const records = TIMES.map((times) => times.map((ms) => ({ value: String(ms), eventTimeMs: ms })));
    const { failures } = await runProcessor({
      processor: this.#folder.write("p.ts", scriptOf(`${COUNT} context.emit({ value: [value, n] });`)),
      journal: this.journal,
      from: { default: new MemorySource("numbers", Object.fromEntries(records.entries())) },
      to: { default: this.#sink },
      clock: "event",
      tasksMax: 1,
      limits: { feedRecordsMax: 2, snapshotFeedsMin: 2 },
    });
    assertEquals(failures, []);
    return this.#sink.outputs.map(({ value }) => value!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}

async function targetIn(path: string) {
  const journal = await SqliteJournal.open(path);
  const run = journal.run("test")!;
  return { journal, run, taskJournal: journal.task(journal.tasks(run)[0]) };
}

function positionsOf(target: Awaited<ReturnType<typeof targetIn>>, feed: number): Readonly<Record<string, bigint>> {
  const { positions } = planRewind(target, feed);
  return Object.fromEntries([...positions].map(([key, { position }]) => [key, position]));
}

Deno.test("a task that was pruned is rewound to any feed that is left, with its positions of then", async () => {
  await using job = new Job();
  const all = await job.run();
  const target = await targetIn(job.journal);
  const { journal, run, taskJournal } = target;
  const last = taskJournal.lastFeed()!.seq;
  const wanted = Array.from({ length: last + 1 }, (_, feed) => positionsOf(target, feed));
  const outputs = [...taskJournal.feeds(0, last + 1)].map((entry) => entry.outputs);
  pruneRun(journal, run, 4, 0);
  const first = taskJournal.firstReplayable();
  assert(first > 10, `it was pruned up to feed ${first} of ${last}`);
  for (let feed = first; feed <= last; feed++) assertEquals(positionsOf(target, feed), wanted[feed], `feed ${feed}`);
  await rewind(target, planRewind(target, first), 0);
  journal.close();
  const before = outputs.slice(0, first).reduce((sum, count) => sum + count, 0);
  assertEquals(await job.run(), [...all, ...all.slice(before)]);
});
