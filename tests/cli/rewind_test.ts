/** `sluice rewind`: says what it would do, does it only when told, and the run goes on from there as it did then. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { runCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const BODY = `const sum = (context.state.get<number>("sum") ?? 0) + value.n; context.state.set("sum", sum);
  if (value.n === 3) context.state.set("three", sum);
  if (value.n === 12) context.state.delete("three");
  context.emit({ value: { n: value.n, sum, chance: Math.random() } });`;
const RUN = ["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson", "--until-end", "--feed-records", "4"];

async function recorded(): Promise<TestFolder> {
  const folder = new TestFolder();
  folder.write("p.ts", scriptOf(BODY));
  folder.write("in.ndjson", Array.from({ length: 20 }, (_, n) => `{"n":${n}}\n`).join(""));
  const { code, stderr } = await runCli(RUN, { cwd: folder.path });
  assertEquals(code, 0, stderr);
  return folder;
}

async function sluice(folder: TestFolder, ...args: string[]) {
  return await runCli(args, { cwd: folder.path });
}

Deno.test("a dry run changes nothing and says positions, records, outputs and what the sink keeps", async () => {
  await using folder = await recorded();
  const { code, stderr } = await sluice(folder, "rewind", "test", "--to-feed", "2");
  assertEquals(code, 0, stderr);
  for (
    const text of ["in.ndjson/0 goes on at 64", "12 records, 12 outputs", "keeps the 12 outputs", "Nothing was changed"]
  ) {
    assertStringIncludes(stderr, text);
  }
  const shown = await sluice(folder, "journal", "show", "test");
  assertEquals(shown.stdout.includes("rewound"), false);
});

Deno.test("without --emit-again outputs are not produced a second time", async () => {
  await using folder = await recorded();
  const { code, stderr } = await sluice(folder, "rewind", "test", "--to-feed", "2", "--yes");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "say --emit-again if that is meant");
});

Deno.test("a run that was rewound does the same again behind what it has, ends in the same state, and replays", async () => {
  await using folder = await recorded();
  const before = folder.read("out.ndjson").split("\n");
  const state = (await sluice(folder, "state", "test")).stdout;
  const target = ["--to", "in.ndjson/0:70", "--yes", "--emit-again"];
  assertEquals((await sluice(folder, "rewind", "test", ...target)).code, 0);
  const back = await sluice(folder, "state", "test");
  assertEquals(back.stdout, "sum\t28\nthree\t6\n");
  assertEquals((await sluice(folder, ...RUN)).code, 0);
  assertEquals(folder.read("out.ndjson").split("\n"), [...before.slice(0, -1), ...before.slice(8)]);
  assertEquals((await sluice(folder, "state", "test")).stdout, state);
  // And once more, to a place before the first rewind.
  assertEquals((await sluice(folder, "rewind", "test", "--to-feed", "1", "--yes", "--emit-again")).code, 0);
  assertEquals((await sluice(folder, ...RUN)).code, 0);
  assertEquals((await sluice(folder, "state", "test")).stdout, state);
  for (const args of [["replay", "test"], ["journal", "verify"]]) {
    const { code, stderr } = await sluice(folder, ...args);
    assertEquals(code, 0, stderr);
  }
  const events = (await sluice(folder, "journal", "show", "test")).stdout;
  assertEquals(events.match(/rewound task 0/g)?.length, 2);
});

Deno.test("a run that was rewound over and over goes on from where it was put last", async () => {
  await using folder = await recorded();
  const before = folder.read("out.ndjson").split("\n");
  for (const feed of [4, 3, 5, 2, 4, 1, 2, 3]) {
    const { code, stderr } = await sluice(folder, "rewind", "test", "--to-feed", String(feed), "--yes", "--emit-again");
    assertEquals(code, 0, stderr);
  }
  const { code, stderr } = await sluice(folder, ...RUN);
  assertEquals(code, 0, stderr);
  assertEquals(folder.read("out.ndjson").split("\n"), [...before.slice(0, -1), ...before.slice(12)]);
  for (const args of [["replay", "test"], ["journal", "verify"]]) {
    const { code, stderr } = await sluice(folder, ...args);
    assertEquals(code, 0, stderr);
  }
});

Deno.test("changed code is what a rewound run goes on with", async () => {
  await using folder = await recorded();
  assertEquals((await sluice(folder, "rewind", "test", "--to-feed", "4", "--yes", "--emit-again")).code, 0);
  folder.write("p.ts", scriptOf(BODY.replace("+ value.n", "+ value.n * 100")));
  assertEquals((await sluice(folder, ...RUN)).code, 0);
  const [last] = folder.read("out.ndjson").split("\n").slice(-2);
  assertEquals(JSON.parse(last).sum, 120 + 100 * (16 + 17 + 18 + 19));
});

Deno.test("a place that the run does not have is refused with the places that it has", async () => {
  await using folder = await recorded();
  const cases: readonly (readonly [args: string[], code: number, says: string])[] = [
    [["--to-feed", "99"], 1, "it has feeds 0 to 5"],
    [["--to", "in.ndjson/0:9999"], 2, "has not read so far"],
    [["--to", "orders/0:3"], 2, "of one of the run's partitions is wanted"],
    [[], 2, "either --to-feed N or --to"],
    [["--to-feed", "1", "--task", "7"], 2, "run test has the tasks 0"],
  ];
  for (const [args, code, says] of cases) {
    const result = await sluice(folder, "rewind", "test", ...args);
    assertEquals(result.code, code, result.stderr);
    assertStringIncludes(result.stderr, says);
  }
});
