/** Who is to blame when a sandbox dies, and who is only lost with it. */

import { assertEquals } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { runProcessor, type RunProcessorOptions } from "../../controller/run_processor.ts";
import type { Reply, Request } from "../../controller/sandbox/protocol.ts";
import { Sandbox } from "../../controller/sandbox/sandbox.ts";
import { batchOf } from "../support/cells.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";
import { installPlatform } from "../simulation/world/platform.ts";
import { Machine, World } from "../simulation/world/world.ts";

const LIMITS = { eventsMax: 10_000, timeMsMax: 3_600_000 };
const TIME_MS_MAX = 1000;
const SEGMENTS = { words: new Int32Array(0), timesMs: new Float64Array(0), inputs: [] };

/** A sandbox in a world, whose replies are those that a test gives. */
class AskedSandbox {
  readonly #world = new World(1);
  readonly #machine: Machine;
  readonly #sandbox: Sandbox;
  readonly #reply: (id: number, message: Reply) => void;
  readonly told: string[] = [];
  #ids = 0;

  constructor() {
    installPlatform();
    this.#machine = new Machine(this.#world, "asking");
    let reply: (id: number, message: Reply) => void;
    this.#sandbox = this.#machine.run(() =>
      new Sandbox("worker", ({ onReply }) => {
        reply = (id, message) => onReply({ id, message });
        return { post: () => {}, kill: () => {} };
      })
    );
    this.#reply = reply!;
  }

  /** Answers the id. */
  ask(request: Request): number {
    const id = this.#ids++;
    const told = (reply: Reply) => this.told.push(`${id} ${"code" in reply ? reply.code : reply.kind}`);
    this.#machine.run(() => void this.#sandbox.ask(request, TIME_MS_MAX).then(told));
    return id;
  }

  feed(task: string): number {
    return this.ask({ kind: "feed", task, feed: { seq: 0, batches: [batchOf([1])], segments: SEGMENTS } });
  }

  async reply(id: number, message: Reply): Promise<void> {
    this.#machine.run(() => this.#reply(id, message));
    await this.pass(1);
  }

  async pass(timeMs: number): Promise<void> {
    let isOver = false;
    this.#world.schedule(this.#machine, timeMs, "goes on", () => isOver = true);
    await this.#world.runUntil(() => isOver, LIMITS);
  }
}

Deno.test("a sandbox that hangs is the fault of the request it was working on; the others are lost with it", async () => {
  const sandbox = new AskedSandbox();
  sandbox.feed("a");
  sandbox.feed("b");
  await sandbox.pass(2 * TIME_MS_MAX);
  sandbox.feed("b");
  await sandbox.pass(1);
  assertEquals(sandbox.told, ["0 E_SANDBOX_HUNG", "1 E_SANDBOX_LOST", "2 E_SANDBOX_LOST"]);
});

Deno.test("a feed behind one that waits for effects may wait as long: the sandbox is not taken for hung", async () => {
  const sandbox = new AskedSandbox();
  await sandbox.reply(sandbox.feed("a"), { kind: "effects", requests: [] });
  const behind = sandbox.feed("a");
  await sandbox.pass(60 * TIME_MS_MAX);
  assertEquals(sandbox.told, ["0 effects"]);
  const answers = sandbox.ask({ kind: "effects", task: "a", results: [] });
  await sandbox.reply(answers, { kind: "done" });
  await sandbox.reply(behind, { kind: "done" });
  assertEquals(sandbox.told, ["0 effects", "2 done", "1 done"]);
});

Deno.test("while a task waits for effects, another one that hangs is to blame; then what the effects set going", async () => {
  const other = new AskedSandbox();
  await other.reply(other.feed("a"), { kind: "effects", requests: [] });
  other.feed("a");
  other.feed("b");
  await other.pass(2 * TIME_MS_MAX);
  assertEquals(other.told, ["0 effects", "2 E_SANDBOX_HUNG", "1 E_SANDBOX_LOST"]);
  const own = new AskedSandbox();
  await own.reply(own.feed("a"), { kind: "effects", requests: [] });
  own.feed("a");
  own.ask({ kind: "effects", task: "a", results: [] });
  await own.pass(2 * TIME_MS_MAX);
  assertEquals(own.told, ["0 effects", "2 E_SANDBOX_HUNG", "1 E_SANDBOX_LOST"]);
});

async function runOf(body: string, options: Pick<RunProcessorOptions, "effects" | "isolation" | "limits">) {
  await using folder = new TestFolder();
  const sink = new MemorySink();
  const records = (from: number) => Array.from({ length: 3 }, (_, i) => ({ value: String(from + i) }));
  const { failures } = await runProcessor({
    processor: folder.write("p.ts", scriptOf(body)),
    journal: folder.at("j.db"),
    from: { default: new MemorySource("numbers", { "0": records(0), "1": records(10) }) },
    to: { default: sink },
    onError: "dead-letter",
    ...options,
  });
  const journal = await SqliteJournal.open(folder.at("j.db"));
  const letters = [...journal.deadLetters(journal.run("test")!)].length;
  journal.close();
  return { failures, letters, outputs: sink.outputs.map(({ value }) => Number(value)).sort((a, b) => a - b) };
}

const ALL = [0, 1, 2, 10, 11, 12];

Deno.test("a sandbox that somebody kills takes no record with it", async () => {
  let isKilled = false;
  const kill = async () => {
    if (isKilled) return;
    isKilled = true;
    await new Deno.Command("pkill", { args: ["-9", "-P", String(Deno.pid), "-f", "sandbox/child.ts"] }).output();
  };
  const body = "return context.effect('kill').then(() => context.emit({ value }));";
  const limits = { feedRecordsMax: 1 };
  const run = await runOf(body, { isolation: "process", limits, effects: { kill } });
  assertEquals([isKilled, run], [true, { failures: [], letters: 0, outputs: ALL }]);
});

Deno.test("a record that broke its sandbox once is tried again, and is given up when it does it twice", async () => {
  const body = "return context.effect('breaks', value).then((breaks) => { while (breaks); context.emit({ value }); });";
  const limits = { feedRecordsMax: 1, recordTimeMsMax: 100 };
  const asked = new Map<unknown, number>();
  const breaks = (value: unknown) => {
    asked.set(value, (asked.get(value) ?? 0) + 1);
    return value === 1 && asked.get(value) === 1 || value === 11;
  };
  const run = await runOf(body, { limits, effects: { breaks } });
  assertEquals(run, { failures: [], letters: 1, outputs: ALL.filter((value) => value !== 11) });
});
