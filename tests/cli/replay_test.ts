/** Replay: equal when nothing changed, and otherwise a difference named by record, field and cause. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { runCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const RUN = ["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson", "--until-end", "--feed-records", "4"];
const BODY =
  "context.state.set('sum', (context.state.get<number>('sum') ?? 0) + value.n); context.emit({ value: { n: value.n, at: context.now } });";

interface Report {
  readonly feeds: number;
  readonly records: number;
  readonly divergences: readonly {
    record: { stream: string; partition: string; offset: string };
    field: string;
    cause: string;
    recorded: unknown;
    replayed: unknown;
  }[];
}

async function recorded(
  body: string,
  options: { isAsync?: boolean; args?: readonly string[] } = {},
): Promise<TestFolder> {
  const folder = new TestFolder();
  folder.write("p.ts", scriptOf(body, { isAsync: options.isAsync ?? false }));
  folder.write("in.ndjson", Array.from({ length: 10 }, (_, n) => `{"n":${n}}\n`).join(""));
  const { code, stderr } = await runCli([...RUN, ...(options.args ?? [])], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  return folder;
}

async function replay(folder: TestFolder, args: readonly string[] = []): Promise<[number, Report]> {
  const { code, stdout, stderr } = await runCli(["replay", "test", "--json", ...args], { cwd: folder.path });
  return [code, JSON.parse(stdout || `{"stderr":${JSON.stringify(stderr)}}`)];
}

Deno.test("a replay equals its recording, whole, by feeds and by offsets", async () => {
  await using folder = await recorded(BODY);
  for (
    const [args, feeds, records] of [[[], 4, 10], [["--feeds", "1..2"], 1, 4], [
      ["--offsets", "in.ndjson/0:0..8"],
      1,
      4,
    ]] as const
  ) {
    const [code, report] = await replay(folder, args);
    assertEquals([code, report.feeds, report.records, report.divergences], [0, feeds, records, []]);
  }
});

Deno.test("a range that means no feed is a mistake, not a replay without differences", async () => {
  await using folder = await recorded(BODY);
  for (
    const [args, told] of [
      [["--feeds", "7..9"], "no feed of run test is meant; it has feeds 0 to 3"],
      [["--feeds", "3..1"], "it ends where it begins, or before"],
      [["--offsets", "inn.ndjson/0:0..8"], "no feed of run test is meant"],
      [["--step", "--feeds", "7..9"], "no feed of run test is meant"],
    ] as const
  ) {
    const { code, stderr } = await runCli(["replay", "test", ...args], { cwd: folder.path });
    assertEquals(code, 2, args.join(" "));
    assertStringIncludes(stderr, told);
  }
  for (
    const [args, told] of [[["--failed"], "no record failed"], [["--until", "2001-01-01"], "there is none"]] as const
  ) {
    const { code, stderr } = await runCli(["replay", "test", ...args], { cwd: folder.path });
    assertEquals(code, 0);
    assertStringIncludes(stderr, told);
  }
});

Deno.test("changed input is found first, whatever else differs", async () => {
  await using folder = await recorded(BODY);
  folder.write("in.ndjson", folder.read("in.ndjson").replace('{"n":5}', '{"n":6}'));
  const [code, { divergences }] = await replay(folder);
  assertEquals([code, divergences[0].cause, divergences[0].record.offset], [3, "input", "40"]);
});

Deno.test("changed code is compared record by record, state included", async () => {
  await using folder = await recorded(BODY);
  folder.write("new.ts", scriptOf(BODY.replace("n: value.n,", "n: value.n === 7 ? 70 : value.n,")));
  const [code, { divergences }] = await replay(folder, ["--with", "new.ts"]);
  assertEquals(code, 3);
  const [{ record, field, recorded: was, replayed, cause }, ...others] = divergences;
  assertEquals([record, field, was, replayed, cause, others.length], [
    { stream: "in.ndjson", partition: "0", offset: "56" },
    "output[0].n",
    7,
    70,
    "code",
    0,
  ]);
  folder.write("state.ts", scriptOf(BODY.replace("+ value.n", "+ value.n * 2")));
  const [, byState] = await replay(folder, ["--with", "state.ts"]);
  assertEquals([byState.divergences[0].field, byState.divergences[0].recorded, byState.divergences[0].replayed], [
    'state["sum"]',
    1,
    2,
  ]);
});

Deno.test("effects are called once, live, and answered from the journal in a replay", async () => {
  await using folder = new TestFolder();
  folder.write(
    "effects.ts",
    `let calls = 0; export const price = (input: { n: number }) => ({ price: input.n * 10, call: ++calls, chance: Math.random() });`,
  );
  folder.write(
    "p.ts",
    scriptOf(
      "const answers = await Promise.all([context.effect('price', value), context.effect('price', value)]); context.emit({ value: answers });",
      { isAsync: true },
    ),
  );
  folder.write("in.ndjson", Array.from({ length: 10 }, (_, n) => `{"n":${n}}\n`).join(""));
  const { code, stderr } = await runCli([...RUN, "--effects", "effects.ts"], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  const [first] = folder.read("out.ndjson").split("\n").map((line) => line && JSON.parse(line));
  assertEquals(first.map(({ price, call }: { price: number; call: number }) => [price, call]), [[0, 1], [0, 2]]);
  assertEquals((await replay(folder))[0], 0);
  folder.write("new.ts", scriptOf("context.emit({ value: await context.effect('rate', value) });", { isAsync: true }));
  const [, { divergences }] = await replay(folder, ["--with", "new.ts"]);
  assertEquals([divergences.length, divergences[0].field, divergences[0].replayed], [10, "error", "EffectError"]);
});

Deno.test("a record that halted its run is replayed with --failed, and a fix is tried on it", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf(`if (value.n === 5) throw new RangeError("five"); ${BODY}`));
  folder.write("in.ndjson", Array.from({ length: 10 }, (_, n) => `{"n":${n}}\n`).join(""));
  assertEquals((await runCli(RUN, { cwd: folder.path })).code, 1);
  const [same, report] = await replay(folder, ["--failed"]);
  assertEquals([same, report.records], [0, 1]);
  folder.write("fixed.ts", scriptOf(BODY));
  const [code, { divergences }] = await replay(folder, ["--failed", "--with", "fixed.ts"]);
  assertEquals([code, divergences.length, divergences[0].recorded, divergences[0].replayed], [
    3,
    1,
    "RangeError: five",
    null,
  ]);
});

Deno.test("code that keeps something in variables is compared fairly, also from the middle on", async () => {
  await using folder = await recorded("moduleCounter++; context.emit({ value: { n: value.n, moduleCounter } });");
  const [same, report] = await replay(folder, ["--feeds", "2..3", "--with", "p.ts"]);
  assertEquals([same, report.feeds, report.divergences], [0, 1, []]);
  folder.write("new.ts", folder.read("p.ts").replace("n: value.n,", "n: value.n === 9 ? 0 : value.n,"));
  const [code, { divergences }] = await replay(folder, ["--feeds", "2..3", "--with", "new.ts"]);
  assertEquals([code, divergences.length, divergences[0].field, divergences[0].recorded], [3, 1, "output[0].n", 9]);
});

Deno.test("other code that breaks its sandbox is told with its feed, and the feeds behind it are tried", async () => {
  await using folder = await recorded(BODY);
  folder.write("new.ts", scriptOf(`if (value.n === 5) queueMicrotask(() => { throw new Error("late"); }); ${BODY}`));
  const { code, stdout, stderr } = await runCli(["replay", "test", "--with", "new.ts", "--json"], { cwd: folder.path });
  const { feeds, divergences, whatIf } = JSON.parse(stdout || stderr);
  assertEquals([code, feeds, divergences.length, whatIf.errors], [3, 4, 1, { fixed: 0, new: 1 }]);
  assertEquals([divergences[0].feed, divergences[0].field, divergences[0].cause], [1, "error", "code"]);
  assertEquals(divergences[0].replayed.startsWith("E_MICROTASK: "), true, divergences[0].replayed);
});
