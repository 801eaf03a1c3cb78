/** What becomes of records whose effects cannot be journaled, or are answered too late. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { type Commit, type Receipt, SinkError } from "../../adapters/sink.ts";
import { JournalError } from "../../controller/journal/journal.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { SqliteTaskJournal } from "../../controller/journal/sqlite_task_journal.ts";
import { runProcessor } from "../../controller/run_processor.ts";
import { SandboxHost } from "../../controller/sandbox/host.ts";
import type { ErrorPolicy } from "../../engine/failure.ts";
import { packSegments } from "../../engine/feed.ts";
import { batchOf, codeOf, OPTIONS } from "../support/cells.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const ASKING = "return context.effect('rate', value).then((rate) => context.emit({ value: rate }));";

/** A journal that has no room for the answers to effects. */
class FullJournal implements Disposable {
  readonly #recordEffects = SqliteTaskJournal.prototype.recordEffects;

  constructor() {
    SqliteTaskJournal.prototype.recordEffects = () => {
      throw new JournalError("Cannot write to journal: the disk is full", { code: "E_DISK_FULL" });
    };
  }

  [Symbol.dispose](): void {
    SqliteTaskJournal.prototype.recordEffects = this.#recordEffects;
  }
}

for (const onError of ["halt", "dead-letter", "skip"] satisfies ErrorPolicy[]) {
  Deno.test(`a journal without room for an effect's answer stops the run, and gives up no record (${onError})`, async () => {
    await using folder = new TestFolder();
    const sink = new MemorySink();
    const run = () =>
      runProcessor({
        processor: folder.path + "/p.ts",
        journal: folder.at("j.db"),
        from: { default: new MemorySource("lines", { "0": ["1", "2", "3"].map((value) => ({ value })) }) },
        to: { default: sink },
        effects: { rate: (value) => 10 * Number(value) },
        limits: { feedRecordsMax: 1 },
        onError,
      });
    folder.write("p.ts", scriptOf(ASKING));
    {
      using _ = new FullJournal();
      const { failures } = await run();
      assertEquals(failures.map((failure) => (failure as JournalError).code), ["E_DISK_FULL"]);
    }
    assertEquals((await run()).failures, []);
    assertEquals(sink.outputs.map(({ value }) => value), ["10", "20", "30"]);
    const journal = await SqliteJournal.open(folder.at("j.db"));
    assertEquals([...journal.deadLetters(journal.run("test")!)], []);
    journal.close();
  });
}

/** Nobody knows whether its first commit happened; it did not. */
class UnsureSink extends MemorySink {
  readonly commitsInFlightMax = 2;
  #hasFailed = false;

  override commit(commit: Commit): Promise<Receipt> {
    if (this.#hasFailed) return super.commit(commit);
    this.#hasFailed = true;
    return Promise.reject(new SinkError("Cannot tell", { code: "E_COMMIT_UNKNOWN", isRetriable: true }));
  }
}

Deno.test("the answer to an effect comes too late when its feed is run anew meanwhile: it is not journaled, and does nothing", async () => {
  await using folder = new TestFolder();
  const sink = new UnsureSink();
  const late = Promise.withResolvers<number>();
  let asked = 0;
  const rate = (value: unknown): number | Promise<number> => {
    if (value === 3) late.resolve(99);
    return value === 2 && ++asked === 1 ? late.promise : 10 * Number(value);
  };
  const { failures } = await runProcessor({
    processor: folder.write("p.ts", scriptOf(`if (value === 0) return void context.emit({ value }); ${ASKING}`)),
    journal: folder.at("j.db"),
    from: { default: new MemorySource("lines", { "0": ["0", "1", "2", "3"].map((value) => ({ value })) }) },
    to: { default: sink },
    effects: { rate },
    limits: { feedRecordsMax: 1 },
  });
  assertEquals([failures, asked], [[], 2]);
  assertEquals(sink.outputs.map(({ value }) => value), ["0", "10", "20", "30"]);
  const journal = await SqliteJournal.open(folder.at("j.db"));
  const [task] = journal.tasks(journal.run("test")!);
  assertEquals([1, 2, 3].flatMap((seq) => journal.task(task).effects(seq).map(({ text }) => text)), ["10", "20", "30"]);
  journal.close();
});

Deno.test("a task that waits for an effect is closed when it has come, or dropped at once; all that was asked is answered", async () => {
  const host = new SandboxHost(() => {});
  const ask = (id: number, message: Parameters<SandboxHost["handle"]>[0]["message"]) =>
    host.handle({ id, message }).map(({ id, message: { kind } }) => [id, kind]);
  const feed = (seq: number) => ({
    seq,
    batches: [batchOf([seq])],
    segments: packSegments([{ batch: 0, input: "default", fromRow: 0, toRow: 1, timeMs: 0 }]),
  });
  const code = await codeOf(scriptOf(ASKING));
  assertEquals(ask(0, { kind: "open", task: "0", code, options: OPTIONS }), [[0, "described"]]);
  assertEquals(ask(1, { kind: "feed", task: "0", feed: feed(0) }), [[1, "effects"]]);
  assertEquals(ask(2, { kind: "feed", task: "0", feed: feed(1) }), []);
  assertEquals(ask(3, { kind: "close", task: "0" }), []);
  assertEquals(ask(4, { kind: "drop", task: "0" }), [[4, "done"], [2, "broken"], [3, "done"]]);
});

Deno.test("a record that waits for an effect while a neighbour spoils the realm of both is run once more, and asks again", async () => {
  await using folder = new TestFolder();
  const sink = new MemorySink();
  const hung = Promise.withResolvers<void>();
  const asked: unknown[] = [];
  const summary = await runProcessor({
    processor: folder.write("p.ts", scriptOf(`if (value === "hang") for (;;); ${ASKING}`)),
    journal: folder.at("j.db"),
    from: {
      default: new MemorySource("lines", {
        "0": [{ value: "1" }, { value: "2" }],
        "1": [{ value: "3" }, { value: '"hang"' }, { value: "4" }],
      }),
    },
    to: { default: sink },
    effects: {
      async rate(value) {
        asked.push(value);
        // It is answered when the realm is gone.
        if (value === 1) await hung.promise;
        return 10 * Number(value);
      },
    },
    // The neighbour has something to commit once it has run in a realm of its own.
    observer: { onCommit: (task, { records }) => task === "1" && records > 0 && hung.resolve() },
    limits: { recordTimeMsMax: 200 },
    onError: "dead-letter",
  });
  assertEquals(summary.failures, []);
  assertEquals(summary.tasks.map(({ records, deadLetters }) => [records, deadLetters]), [[2, 0], [3, 1]]);
  assertEquals(sink.outputs.map(({ value }) => value).toSorted(), ["10", "20", "30", "40"]);
  assertEquals(asked.filter((value) => value === 1).length, 2);
});

Deno.test("what a handler answers is what the record gets, or an error that says what it was: nothing is changed in silence", async () => {
  await using folder = new TestFolder();
  const answers: Readonly<Record<string, readonly [handler: () => unknown, seen: unknown]>> = {
    plain: [() => ({ a: [1, "x", null, true] }), { a: [1, "x", null, true] }],
    nothing: [() => undefined, "undefined"],
    later: [() => Promise.resolve(7), 7],
    date: [() => ({ at: new Date(0) }), { at: "1970-01-01T00:00:00.000Z" }],
    absent: [() => ({ a: 1, b: undefined }), { a: 1 }],
    notANumber: [() => ({ deep: [1, { rate: NaN }] }), "its rate is NaN"],
    map: [() => new Map([[1, 2]]), "it is a Map"],
    set: [() => ({ tags: new Set(["x"]) }), "its tags is a Set"],
    bigint: [() => 10n, "it is a bigint"],
    function: [() => () => 1, "it is a function"],
    forgotten: [() => ({ row: Promise.resolve(1) }), "its row is a Promise"],
    text: [() => Promise.reject("no luck"), "no luck"],
    object: [() => Promise.reject({ status: 503 }), '{"status":503}'],
    error: [() => Promise.reject(new RangeError("too far")), "too far"],
  };
  const asking = `return context.effect(value, null)
    .then((seen) => context.emit({ value: seen === undefined ? "undefined" : seen }), ({ message }) => context.emit({ value: message }));`;
  const sink = new MemorySink();
  const { failures } = await runProcessor({
    processor: folder.write("p.ts", scriptOf(asking)),
    journal: folder.at("j.db"),
    from: {
      default: new MemorySource("lines", {
        "0": Object.keys(answers).map((name) => ({ value: JSON.stringify(name) })),
      }),
    },
    to: { default: sink },
    effects: Object.fromEntries(Object.entries(answers).map(([name, [handler]]) => [name, handler])),
  });
  assertEquals(failures, []);
  for (const [i, [name, [, seen]]] of Object.entries(answers).entries()) {
    const found = JSON.parse(sink.outputs[i].value!);
    if (typeof seen === "string") assertStringIncludes(found, seen, name);
    else assertEquals(found, seen, name);
  }
});
