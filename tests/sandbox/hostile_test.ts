/**
 * Hostile processors (docs/SECURITY.md): nothing of the host is reached from a realm, and nothing of the host is changed.
 * The cells run in this very thread, which has all permissions: whoever gets out gets everything.
 */

import { assert, assertEquals } from "@std/assert";
import { runCli } from "../support/cli.ts";
import { batchOf, codeOf, emitted, openCell, runFeed } from "../support/cells.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";
import { ATTEMPTS, PRELUDE } from "./escape_attempts.ts";

/** The attempt as the body of a processor that says what came of it. */
function hostile(attempt: string): string {
  const body = `const found = []; let leaked = false; ${PRELUDE}
    ${attempt}
    context.emit({ value: { verdicts: [...new Set(found.map(judge))], leaked } });`;
  return scriptOf(body);
}

interface Verdict {
  readonly verdicts: readonly string[];
  readonly leaked: boolean;
}

for (const [name, attempt] of Object.entries(ATTEMPTS)) {
  Deno.test(`a hostile processor gets nothing: ${name}`, async () => {
    const own = Object.getOwnPropertyNames(Object.prototype);
    const cell = openCell(await codeOf(hostile(attempt)), { onError: "skip" });
    const fed = runFeed(cell, [batchOf([{ a: 1 }, 2])]);
    assertEquals(fed.failures.map(({ name, message }) => `${name}: ${message}`), []);
    const verdicts = (emitted(fed) as readonly Partial<Verdict>[]).filter((each) => each?.verdicts) as Verdict[];
    assertEquals(verdicts.length, 2, "it did not come to its end");
    for (const { verdicts: some, leaked } of verdicts) {
      assertEquals(some.filter((verdict) => verdict.startsWith("ESCAPED")), []);
      assert(!leaked, "what all records share was changed");
    }
    assertEquals(Object.getOwnPropertyNames(Object.prototype), own);
    assert(!Reflect.has(globalThis, "leak"));
  });
}

Deno.test("the judge of these attempts knows another realm when it sees one", async () => {
  const cell = openCell(await codeOf(hostile("found.push(globalThis.planted);")), { onError: "skip" });
  const fed = runFeed(cell, [batchOf([1])]);
  assertEquals((emitted(fed) as readonly Verdict[])[0].verdicts, ["undefined"]);
  const judge = new Function(`const found = []; ${PRELUDE}; return judge;`)() as (value: unknown) => string;
  // From here, the realm of a vm context is the foreign one.
  const { runInNewContext } = await import("node:vm");
  assert(judge(runInNewContext("({})")).startsWith("ESCAPED"));
  assert(judge(runInNewContext("() => {}")).startsWith("ESCAPED"));
});

const NEIGHBOUR = `import { defineProcessor, json } from "@sluice/sluice/processor";
export default defineProcessor({
  name: "neighbours", input: json(), output: json(),
  process({ value, partition, key }, context) {
    if (partition === "hostile" || value.hostile) {
      try { Object.prototype.sum = 5; } catch {}
      try { globalThis.shared = value; } catch {}
      try { JSON.stringify = () => '"stolen"'; } catch {}
      return;
    }
    const sum = (context.state.get("sum") ?? 0) + value.n;
    context.state.set("sum", sum);
    context.emit({ value: { sum, seen: typeof globalThis.shared, polluted: ({}).sum ?? null } });
  },
});
`;

for (const isolation of ["worker", "process"] as const) {
  Deno.test(`isolation ${isolation}: what one record tries shows in no other record, and in no file`, async () => {
    await using folder = new TestFolder();
    folder.write("p.ts", NEIGHBOUR);
    const lines = Array.from({ length: 40 }, (_, n) => JSON.stringify(n % 3 === 0 ? { hostile: true } : { n }));
    folder.write("in.ndjson", `${lines.join("\n")}\n`);
    const args = ["run", "p.ts", "--from", "file:in.ndjson", "--to", "file:out.ndjson", "--until-end", "--quiet"];
    const { code, stderr } = await runCli([...args, "--isolation", isolation], { cwd: folder.path });
    assertEquals(code, 0, stderr);
    const outputs = folder.read("out.ndjson").trim().split("\n").map((line) => JSON.parse(line));
    let sum = 0;
    const expected = Array.from({ length: 40 }, (_, n) => n).filter((n) => n % 3 !== 0).map((n) => ({
      sum: sum += n,
      seen: "undefined",
      polluted: null,
    }));
    assertEquals(outputs, expected);
    assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name).sort(), [
      ".sluice",
      "in.ndjson",
      "out.ndjson",
      "p.ts",
    ]);
  });
}

Deno.test("modules of a hostile processor get nothing while they are evaluated either", async () => {
  const attempts = Object.values(ATTEMPTS).filter((attempt) => !/\b(record|context|value)\b/.test(attempt));
  assert(attempts.length > 0);
  for (const attempt of attempts) {
    const source = `import { defineProcessor, json } from "@sluice/sluice/processor";
      const found = []; let leaked = false; ${PRELUDE} ${attempt}
      const verdicts = [...new Set(found.map(judge))];
      export default defineProcessor({
        name: "hostile", input: json(), output: json(),
        process(_record, context) { context.emit({ value: { verdicts, leaked } }); },
      });`;
    const fed = runFeed(openCell(await codeOf(source)), [batchOf([1])]);
    const [{ verdicts, leaked }] = emitted(fed) as readonly Verdict[];
    assertEquals([verdicts.filter((verdict) => verdict.startsWith("ESCAPED")), leaked], [[], false]);
  }
});
