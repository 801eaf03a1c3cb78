/** What happens to processors that hang, crash, or forget to wait. */

import { packFeed } from "../../engine/feed.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { RecordTimeout } from "../../controller/sandbox/cell.ts";
import { SandboxHost } from "../../controller/sandbox/host.ts";
import { batchOf, codeOf, emitted, openCell, runFeed } from "../support/cells.ts";
import { scriptOf } from "../support/processor_script.ts";

const LIMIT = { recordTimeMsMax: 100 };

const HANGS: Readonly<Record<string, string>> = {
  "an endless loop": "if (value === 1) for (;;);",
  "an endless loop that catches everything": "if (value === 1) for (;;) { try { for (;;); } catch {} }",
  "a catastrophic regular expression": `if (value === 1) /^(a+)+$/.test("a".repeat(40) + "b");`,
  "an endless chain of microtasks":
    "if (value === 1) { const again = () => queueMicrotask(again); again(); return new Promise(() => {}); }",
  "a huge power of a bigint": "if (value === 1) { let n = 3n; for (;;) n = n ** 3n % (10n ** 4000n); }",
};

for (const [name, body] of Object.entries(HANGS)) {
  Deno.test(`${name} is stopped at the time limit, and the record is known`, async () => {
    const cell = openCell(await codeOf(scriptOf(`context.emit({ value }); ${body}`)), LIMIT);
    const error = assertThrows(() => runFeed(cell, [batchOf([0, 1, 2])]), RecordTimeout);
    assertEquals(error.record, 1);
  });
}

Deno.test("a promise that can never settle fails its record as stuck", async () => {
  const cell = openCell(
    await codeOf(scriptOf("if (value === 1) await new Promise(() => {}); context.emit({ value });", { isAsync: true })),
    {
      onError: "skip",
    },
  );
  const fed = runFeed(cell, [batchOf([0, 1, 2])]);
  assertEquals(emitted(fed), [0, 2]);
  assertEquals(fed.failures.map(({ record, code }) => [record, code]), [[1, "E_STUCK"]]);
});

Deno.test("a stack overflow fails its record only", async () => {
  const cell = openCell(
    await codeOf(
      scriptOf(
        "const deep = (n: number): number => deep(n + 1) + 1; if (value === 1) deep(0); context.emit({ value });",
      ),
    ),
    {
      onError: "skip",
    },
  );
  const fed = runFeed(cell, [batchOf([0, 1, 2])]);
  assertEquals(emitted(fed), [0, 2]);
  assertEquals(fed.failures[0].name, "RangeError");
});

Deno.test("a forgotten promise cannot emit on behalf of another record", async () => {
  const code = await codeOf(
    scriptOf(
      "if (value === 0) Promise.resolve().then(() => context.emit({ value: 'late' })).catch((e) => late = e.message); context.emit({ value: late || value });",
    )
      .replace("let moduleCounter", "let late = ''; let moduleCounter"),
  );
  const cell = openCell(code);
  assertEquals(emitted(runFeed(cell, [batchOf([0, 1])])), [0, 1]);
  assertStringIncludes(String(emitted(runFeed(cell, [batchOf([2], 2)]))[0]), "Cannot emit: the record is over");
});

Deno.test("a throw inside a microtask breaks the feed instead of vanishing", async () => {
  const code = await codeOf(scriptOf("queueMicrotask(() => { throw new Error('lost'); });"));
  const host = new SandboxHost(() => {});
  const options = {
    seed: 0,
    clock: "feed",
    onError: "skip",
    nowMs: 0,
    isStarted: false,
    initialTimeMs: 0,
    recordTimeMsMax: 1000,
  } as const;
  host.handle({
    id: 0,
    message: { kind: "open", task: "t", code, options },
  });
  const feed = {
    seq: 0,
    batches: [batchOf([1])],
    segments: [{ batch: 0, fromRow: 0, toRow: 1, timeMs: 1, input: "default" }],
  };
  const [{ message }] = host.handle({
    id: 1,
    message: { kind: "feed", task: "t", feed: packFeed(feed) },
  });
  assertEquals(message.kind, "broken");
  assert(message.kind === "broken" && message.code === "E_MICROTASK" && message.message.includes("lost"));
});

Deno.test("module-level variables are lost when a realm is reborn, and state is not", async () => {
  const cell = openCell(
    await codeOf(
      scriptOf(
        "moduleCounter++; const n = (context.state.get<number>('n') ?? 0) + 1; context.state.set('n', n); context.emit({ value: [moduleCounter, n] });",
      ),
    ),
  );
  assertEquals(emitted(runFeed(cell, [batchOf([0, 1])])), [[1, 1], [2, 2]]);
  const reborn = cell.reborn();
  assertEquals(emitted(runFeed(reborn, [batchOf([2], 2)])), [[1, 3]]);
});
