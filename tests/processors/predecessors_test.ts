/** Ten faults of the systems that we replace (reference: seeds, sections 1.4, 1.5 and mistakes M11, M12, M30): none is ours. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  calendar,
  correlation,
  count,
  dedupe,
  intervalJoin,
  json,
  pipeline,
  session,
  sum,
  tumbling,
} from "../../pipeline.ts";
import { runCli, spawnCli } from "../support/cli.ts";
import { runPipeline, type TestElement } from "../support/pipelines.ts";
import { TestFolder } from "../support/processor_script.ts";
import { until } from "../support/until.ts";

interface Item {
  readonly n: number;
  readonly at: number;
}

const options = { time: ({ at }: Item) => at };
const pair = (left: Item | null, right: Item | null) => [left?.n, right?.n];

function joined() {
  return pipeline("join", ({ from }) =>
    from("left", json<Item>(), options)
      .join(from("right", json<Item>(), options), intervalJoin({ within: 5, combine: pair })).to(json()));
}

const item = (input: string, n: number, at: number, partition = "0"): TestElement => ({
  input,
  partition,
  key: "k",
  value: { n, at },
});

Deno.test("fault 1, the last window is lost at the end: it is closed", async () => {
  const make = () =>
    pipeline("p", ({ from }) => from(json<Item>(), options).window(tumbling(10)).aggregate({ n: count() }).to(json()));
  const { results } = await runPipeline(make, [1, 2, 11].map((at, n) => item("default", n, at)));
  assertEquals(results.map(({ value }) => (value as { n: number }).n), [2, 1]);
});

Deno.test("fault 2, equal join keys lose matches: each meets each", async () => {
  const elements = [
    item("left", 1, 1),
    item("left", 2, 1),
    item("right", 3, 1),
    item("right", 4, 1),
    item("left", 5, 2),
  ];
  const { results } = await runPipeline(joined, elements);
  assertEquals(results.map(({ value }) => JSON.stringify(value)).sort(), [
    "[1,3]",
    "[1,4]",
    "[2,3]",
    "[2,4]",
    "[5,3]",
    "[5,4]",
  ]);
});

Deno.test("fault 3, partition 0 only: elements of all partitions meet", async () => {
  const elements = [item("left", 1, 1, "7"), item("right", 2, 2, "3"), item("right", 3, 3, "0")];
  const { results } = await runPipeline(joined, elements);
  assertEquals(results.map(({ value }) => value), [[1, 2], [1, 3]]);
});

const FAULT_4 = `import { intervalJoin, json, pipeline } from "@sluice/sluice/pipeline";
export default pipeline("join", ({ from }) => {
  const options = { time: ({ at }: { at: number }) => at };
  const left = from("left", json<{ id: string; at: number }>(), options).keyBy(({ id }) => id);
  const right = from("right", json<{ id: string; at: number }>(), options).keyBy(({ id }) => id);
  left.join(right, intervalJoin({ within: "1m", combine: (a, b) => [a!.at, b!.at] })).to(json());
});`;

Deno.test("fault 4, positions of joined streams are committed apart: killed after every step, the join is the same", async () => {
  const lines = (odd: number) =>
    Array.from({ length: 40 }, (_, i) => `{"id":"k${i % 5}","at":${1000 * i + odd}}\n`).join("");
  const args = [
    "run",
    "join.ts",
    "--from",
    "left=file:left.ndjson?time=at",
    "--from",
    "right=file:right.ndjson?time=at",
  ]
    .concat(["--to", "file:out.ndjson", "--until-end", "--feed-records", "16", "--quiet"]);
  let expected: string | undefined;
  for (
    const crashAt of [undefined, "sealed:1", "processed:1", "prepared:1", "prepared:2", "committed:2", "settled:3"]
  ) {
    await using folder = new TestFolder();
    folder.write("join.ts", FAULT_4);
    folder.write("left.ndjson", lines(0));
    folder.write("right.ndjson", lines(7));
    if (crashAt !== undefined) {
      const { code } = await runCli(args, { cwd: folder.path, crashAt });
      assertNotEquals(code, 0, `it was not killed at ${crashAt}`);
    }
    const { code, stderr } = await runCli(args, { cwd: folder.path });
    assertEquals(code, 0, stderr);
    expected ??= folder.read("out.ndjson");
    assert(expected.length > 1000);
    assertEquals(folder.read("out.ndjson"), expected, `after a kill at ${crashAt}`);
  }
});

Deno.test("fault 5, windows by a poll's timeout differ in a replay: what silence closes is journaled", async () => {
  await using folder = new TestFolder();
  folder.write(
    "p.ts",
    `import { count, json, pipeline, tumbling } from "@sluice/sluice/pipeline";
export default pipeline("quiet", ({ from }) =>
  from(json<number>(), { time: "clock", idle: "50ms" }).window(tumbling("20ms")).aggregate({ n: count() }).to(json()));`,
  );
  folder.write("in.ndjson", "1\n2\n");
  const args = ["run", "p.ts", "--from", "file:in.ndjson", "--to", "file:out.ndjson", "--quiet"];
  const child = spawnCli(args, { cwd: folder.path });
  await until(() => tryRead(folder).includes('"n":'));
  child.kill("SIGTERM");
  const { code } = await child.output();
  assertEquals(code, 0);
  const { code: replayed, stdout, stderr } = await runCli(["replay", "quiet"], { cwd: folder.path });
  assertEquals(replayed, 0, stdout + stderr);
});

function tryRead(folder: TestFolder): string {
  try {
    return folder.read("out.ndjson");
  } catch {
    return "";
  }
}

Deno.test("fault 6, dedupe keeps everything for ever: it keeps twice its time", async () => {
  const make = () =>
    pipeline(
      "p",
      ({ from }) =>
        from(json<Item>(), options).through(dedupe({ by: ({ n }) => n, ttl: 10 })).map(({ n }) => n).to(json()),
    );
  const elements = Array.from({ length: 1000 }, (_, n) => item("default", n, n));
  const { stateKeysMax } = await runPipeline(make, elements, { sizes: [3] });
  assert(stateKeysMax < 40, `${stateKeysMax}`);
});

Deno.test("fault 7, hour windows in the wrong zone: hours and days are those of the zone that is named", async () => {
  const make = (zone: string) => () =>
    pipeline(
      "p",
      ({ from }) =>
        from(json<string>(), { time: (at) => at }).window(calendar("hour", { zone })).aggregate({ n: count() }).to(
          json(),
        ),
    );
  // Kathmandu is 5:45 ahead: its hours begin at a quarter past those of UTC.
  const elements = [{ value: "2026-01-01T10:10:00Z" }, { value: "2026-01-01T10:20:00Z" }];
  const windows = async (zone: string) => (await runPipeline(make(zone), elements)).results.length;
  assertEquals([await windows("UTC"), await windows("Asia/Kathmandu")], [1, 2]);
});

Deno.test("fault 8, sums of floats drift with their order: they do not", async () => {
  const make = () =>
    pipeline(
      "p",
      ({ from }) => from(json<Item>(), options).window(session(1000)).aggregate({ all: sum(({ n }) => n) }).to(json()),
    );
  const numbers = [0.1, 1e16, 0.2, -1e16, 0.3, 1e-7];
  const total = async (order: readonly number[]) => {
    const { results } = await runPipeline(make, order.map((n) => item("default", n, 1)));
    return (results[0].value as { all: number }).all;
  };
  assertEquals(await total(numbers), 0.6000001);
  assertEquals(await total(numbers.toReversed()), 0.6000001);
});

Deno.test("fault 9, the correlation of a constant series is NaN, or noise: it is null", async () => {
  const make = () =>
    pipeline(
      "p",
      ({ from }) =>
        from(json<Item>(), options).window(tumbling(1000)).aggregate({ r: correlation(() => 0.1, ({ n }) => n) }).to(
          json(),
        ),
    );
  const { results } = await runPipeline(make, Array.from({ length: 50 }, (_, n) => item("default", n, n)));
  assertEquals((results[0].value as { r: unknown }).r, null);
});

Deno.test("fault 10, a module that is added breaks the replay: old feeds are replayed with the code that ran them", async () => {
  await using folder = new TestFolder();
  const script = (more: string) =>
    `import { count, json, pipeline, sum, tumbling } from "@sluice/sluice/pipeline";
export default pipeline("grows", ({ from }) =>
  from(json<{ at: number }>(), { time: ({ at }) => at })${more}.window(tumbling(10)).aggregate({ n: count() }).to(json()));`;
  const args = ["run", "p.ts", "--from", "file:in.ndjson", "--to", "file:out.ndjson", "--until-end", "--quiet"];
  folder.write("p.ts", script(""));
  folder.write("in.ndjson", '{"at":1}\n{"at":2}\n{"at":13}\n');
  assertEquals((await runCli(args, { cwd: folder.path })).code, 0);
  folder.write("p.ts", script(".filter(({ at }) => at % 2 === 0)"));
  folder.write("in.ndjson", '{"at":1}\n{"at":2}\n{"at":13}\n{"at":24}\n{"at":25}\n{"at":36}\n');
  assertEquals((await runCli(args, { cwd: folder.path })).code, 0);
  assertEquals(folder.read("out.ndjson").trim().split("\n").map((line) => JSON.parse(line).n), [2, 1, 1, 1]);
  const { code, stderr, stdout } = await runCli(["replay", "grows"], { cwd: folder.path });
  assertEquals(code, 0, stdout + stderr);
});
