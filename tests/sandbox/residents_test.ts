/** Tasks of one run in one sandbox share a realm, and nothing else. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Cell } from "../../controller/sandbox/cell.ts";
import { RealmEnclosure } from "../../controller/sandbox/enclosure.ts";
import { SandboxHost } from "../../controller/sandbox/host.ts";
import type { Fed, RealmOptions, Reply, Request } from "../../controller/sandbox/protocol.ts";
import { packSegments } from "../../engine/feed.ts";
import { batchOf, codeOf, emitted, openCell, OPTIONS, runFeed } from "../support/cells.ts";
import { scriptOf } from "../support/processor_script.ts";

/** A sandbox without a thread: each of its tasks has the partition of its name. */
class Tasks {
  readonly #host = new SandboxHost(() => {});
  readonly #seqs = new Map<string, number>();
  #nextId = 0;

  open(task: string, code: string, options: Partial<RealmOptions> = {}): void {
    this.#seqs.set(task, 0);
    const { kind } = this.ask({ kind: "open", task, code, options: { ...OPTIONS, ...options } });
    assertEquals(kind, "described");
  }

  ask(message: Request): Reply {
    const id = this.#nextId++;
    return this.#host.handle({ id, message }).find((reply) => reply.id === id)!.message;
  }

  feed(task: string, values: readonly unknown[], timeMs = 1): Reply {
    const seq = this.#seqs.get(task)!;
    this.#seqs.set(task, seq + 1);
    const segments = [{ batch: 0, fromRow: 0, toRow: values.length, timeMs, input: "default" }];
    const batches = [batchOf(values, 100 * seq, task)];
    return this.ask({ kind: "feed", task, feed: { seq, batches, segments: packSegments(segments) } });
  }

  fed(task: string, values: readonly unknown[], timeMs = 1): Fed {
    return fedOf(this.feed(task, values, timeMs));
  }
}

function fedOf(reply: Reply): Fed {
  assert(reply.kind === "fed", JSON.stringify(reply));
  return reply.fed;
}

function areNeighbours(code: string): boolean {
  return openCell(code).placeFor(code) !== undefined;
}

const COUNTING = "moduleCounter++; context.emit({ value: [value, moduleCounter] });";

Deno.test("tasks that run the same code share a realm, and each has its modules' variables to itself", async () => {
  const code = await codeOf(scriptOf(COUNTING));
  assert(areNeighbours(code));
  const tasks = new Tasks();
  for (const task of ["a", "b"]) tasks.open(task, code);
  assertEquals(emitted(tasks.fed("a", [1, 2])), [[1, 1], [2, 2]]);
  assertEquals(emitted(tasks.fed("b", [3])), [[3, 1]]);
  assertEquals(emitted(tasks.fed("a", [4])), [[4, 3]]);
  tasks.ask({ kind: "rebirth", task: "a" });
  assertEquals(emitted(tasks.fed("a", [5])), [[5, 1]]);
  assertEquals(emitted(tasks.fed("b", [6])), [[6, 2]]);
});

Deno.test("tasks in one realm do what each of them does alone: time, chance, state, timers, logs, any order", async () => {
  const code = await codeOf(scriptOf(
    `const known = (context.state.get("n") ?? 0) + value;
    context.state.set("n", known);
    context.timers.set("soon", context.now + 3);
    console.log(String(value));
    const asked = value % 3 === 0 ? await context.effect("ask", value) : null;
    if (asked) console.log("answered");
    context.emit({ value: { known, asked, now: Date.now(), chance: Math.random(), id: context.uuid() } });`,
    { isAsync: true },
  ));
  const values = [1, 2, 3, 4, 5, 6];
  const timeOf = (task: string, value: number) => value + (task === "a" ? 0 : 1000);
  const alone = (task: string): unknown[] => {
    const cell = openCell(code);
    return values.map((value, seq) =>
      whatOf(runFeed(cell, [batchOf([value], 100 * seq, task)], { timeMs: timeOf(task, value), seq }))
    );
  };
  const tasks = new Tasks();
  for (const task of ["a", "b"]) tasks.open(task, code);
  const together = new Map<string, unknown[]>([["a", []], ["b", []]]);
  for (const value of values) {
    // Both are under way before either is answered.
    const replies = ["a", "b"].map((task) => ({ task, reply: tasks.feed(task, [value], timeOf(task, value)) }));
    for (const { task, reply } of value % 2 === 0 ? replies : replies.toReversed()) {
      const done = reply.kind === "effects"
        ? tasks.ask({
          kind: "effects",
          task,
          results: reply.requests.map(({ id, name, inputJson }) => ({
            id,
            ok: true,
            text: JSON.stringify([name, inputJson]),
          })),
        })
        : reply;
      together.get(task)!.push(whatOf(fedOf(done)));
    }
  }
  for (const task of ["a", "b"]) assertEquals(together.get(task), alone(task));
  assertStringIncludes(JSON.stringify(together.get("a")), "answered");
});

function whatOf(fed: Fed): unknown {
  return { emitted: emitted(fed), logs: fed.logs, changes: fed.changes, timers: fed.timerChanges };
}

Deno.test("what a microtask throws fails the task that queued it, even when another one runs before it is told", async () => {
  const code = await codeOf(scriptOf(
    `if (value === 1) { queueMicrotask(() => { throw new Error("lost"); }); await context.effect("ask"); }
    context.emit({ value });`,
    { isAsync: true },
  ));
  const tasks = new Tasks();
  for (const task of ["a", "b"]) tasks.open(task, code);
  const waiting = tasks.feed("a", [1]);
  assert(waiting.kind === "effects");
  assertEquals(emitted(tasks.fed("b", [2])), [2]);
  const results = waiting.requests.map(({ id }) => ({ id, ok: true, text: "1" }));
  const reply = tasks.ask({ kind: "effects", task: "a", results });
  assert(reply.kind === "broken" && reply.code === "E_MICROTASK", JSON.stringify(reply));
  assertEquals(emitted(tasks.fed("b", [3])), [3]);
});

Deno.test("modules that change the global object are evaluated in a realm of their own", async () => {
  const code = await codeOf(
    `globalThis.mine = { seen: 0 };\n` +
      scriptOf("globalThis.mine.seen++; context.emit({ value: globalThis.mine.seen });"),
  );
  assert(!areNeighbours(code));
  const tasks = new Tasks();
  for (const task of ["a", "b"]) tasks.open(task, code);
  assertEquals(emitted(tasks.fed("a", [1, 1])), [1, 2]);
  assertEquals(emitted(tasks.fed("b", [1])), [1]);
});

Deno.test("nothing that a processor is handed leads to what tasks share and can be changed", async () => {
  const code = await codeOf(
    scriptOf(
      `const handed = [context, context.state, context.state.group("g"), context.timers, record, record.headers];
    const open = [...handed.map((each) => Object.getPrototypeOf(each))];
    const soft = [];
    for (const each of open) {
      for (const name of Reflect.ownKeys(each)) {
        const { value, get, set } = Object.getOwnPropertyDescriptor(each, name);
        for (const next of [value, get, set]) if (typeof next === "function" && !Object.isFrozen(next)) soft.push(String(name));
      }
      if (!Object.isFrozen(each)) soft.push(each.constructor.name);
    }
    context.emit({ value: soft });`,
    ).replace("process({ value }", "process(record"),
  );
  assertEquals(emitted(runFeed(openCell(code), [batchOf([1])])), [[]]);
});

Deno.test("a record that runs too long takes the realm with it: neighbours are asked again, its task is alone from then on", async () => {
  const code = await codeOf(scriptOf(`if (value === "hang") for (;;); ${COUNTING}`));
  const tasks = new Tasks();
  for (const task of ["a", "b"]) tasks.open(task, code, { recordTimeMsMax: 100 });
  assertEquals(tasks.feed("a", ["hang"]).kind, "timeout");
  const lost = tasks.feed("b", [1]);
  assert(lost.kind === "broken" && lost.code === "E_CELL_GONE", JSON.stringify(lost));
  for (const task of ["a", "b"]) tasks.open(task, code, { recordTimeMsMax: 100 });
  assertEquals(tasks.feed("a", ["hang"]).kind, "timeout");
  assertEquals(emitted(tasks.fed("b", [1])), [[1, 1]]);
});

Deno.test("modules that fail for one task leave its neighbours as they are", async () => {
  const code = await codeOf(`if (Date.now() === 13) throw new Error("unlucky");\n` + scriptOf(COUNTING));
  const realm = new RealmEnclosure();
  const cell = new Cell(code, OPTIONS, realm);
  cell.open(OPTIONS);
  assertEquals(emitted(runFeed(cell, [batchOf([1])])), [[1, 1]]);
  let message = "";
  try {
    new Cell(code, { ...OPTIONS, initialTimeMs: 13 }, realm);
  } catch (error) {
    message = (error as Error).message;
  }
  assertStringIncludes(message, "unlucky");
  assertEquals(emitted(runFeed(cell, [batchOf([2], 1)])), [[2, 2]]);
});
