/** Rewinding in a journal that was pruned: what is left has to say where each partition stood. */

import { assert, assertEquals } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { pruneRun } from "../../controller/journal/prune.ts";
import type { Progress } from "../../controller/journal/journal.ts";
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

type Target = Awaited<ReturnType<typeof targetIn>>;

/** Where each partition stood before each feed that is left. */
function positionsIn(target: Target): ReadonlyMap<number, ReadonlyMap<string, Progress>> {
  const { taskJournal } = target;
  const first = taskJournal.firstReplayable();
  const feeds = Array.from({ length: taskJournal.lastFeed()!.seq + 1 - first }, (_, i) => first + i);
  return new Map(feeds.map((feed) => [feed, planRewind(target, feed).positions]));
}

/** Prunes all but `keepFeeds`; what is left has to say what it said before. */
function pruneTo(target: Target, keepFeeds: number): void {
  const before = positionsIn(target);
  pruneRun(target.journal, target.run, keepFeeds, 0);
  const after = positionsIn(target);
  assert(after.size < before.size, `none of ${before.size} feeds was pruned`);
  for (const [feed, positions] of after) assertEquals(positions, before.get(feed), `feed ${feed}`);
}

Deno.test("a task that was pruned is rewound to any feed that is left, with its positions of then", async () => {
  await using job = new Job();
  const all = await job.run();
  const target = await targetIn(job.journal);
  const { journal, taskJournal } = target;
  const outputs = [...taskJournal.feeds(0, Infinity)].map((entry) => entry.outputs);
  pruneTo(target, 4);
  const first = taskJournal.firstReplayable();
  await rewind(target, planRewind(target, first), 0);
  journal.close();
  const before = outputs.slice(0, first).reduce((sum, count) => sum + count, 0);
  assertEquals(await job.run(), [...all, ...all.slice(before)]);
});

Deno.test("where a feed that is left goes back to is left, too: what comes behind it is rewound as well as before", async () => {
  await using job = new Job();
  const all = await job.run();
  const target = await targetIn(job.journal);
  for (const feed of [20, 14, 27, 16]) await rewind(target, planRewind(target, feed), 0);
  pruneTo(target, 2);
  assert(target.taskJournal.firstReplayable() <= 14);
  // Before the third of the four: where the second went.
  const third = target.taskJournal.lastFeed()!.seq - 1;
  await rewind(target, planRewind(target, third), 0);
  target.journal.close();
  const again = (await job.run()).slice(all.length);
  assert(again.length > 10, `${again.length} outputs came again`);
  assertEquals(again, all.slice(-again.length));
});
