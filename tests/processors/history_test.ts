/** Batch over history: the same pipeline over files that were there before gives what the live run gave, line by line. */

import { assert, assertEquals } from "@std/assert";
import { runCli, spawnCli } from "../support/cli.ts";
import { TestFolder } from "../support/processor_script.ts";
import { until } from "../support/until.ts";

const PIPELINE = `import { count, intervalJoin, json, pipeline, session, sum, tumbling } from "@sluice/sluice/pipeline";

interface Click { readonly user: string; readonly at: number; readonly ms: number }

export default pipeline("clicks", ({ from }) => {
  const clicks = from(json<Click>(), { time: ({ at }) => at, lateness: "2s" }).keyBy(({ user }) => user);
  const late = { late: (stream: typeof clicks) => stream.to("late", json()) };
  clicks.window(tumbling("10s")).aggregate({ n: count(), ms: sum(({ ms }) => ms) }, late).to("windows", json());
  clicks.window(session("1s")).aggregate({ n: count() }, { late: () => {} }).to("sessions", json());
  clicks.join(clicks, intervalJoin({ after: "1s", combine: (a, b) => [a!.at, b!.at] }), { late: () => {} }).to("pairs", json());
});`;

const OUTPUTS = ["windows", "sessions", "pairs", "late"];

/** Clicks of five users, most up to a second out of order, some by much more: those are late. */
function clicks(): readonly string[] {
  let seed = 5;
  const random = (below: number) => Math.floor((seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) / 2 ** 32 * below);
  return Array.from({ length: 3000 }, (_, i) => {
    const at = 1_700_000_000_000 + i * 100 - random(100) * (random(20) === 0 ? 140 : 10);
    return JSON.stringify({ user: `u${random(5)}`, at, ms: random(1000) / 10 }) + "\n";
  });
}

const to = OUTPUTS.flatMap((name) => ["--to", `${name}=file:${name}.ndjson`]);

Deno.test("a run over history gives, line by line, what the live run gave that met the records one after the other", async () => {
  await using folder = new TestFolder();
  const lines = clicks();
  folder.write("p.ts", PIPELINE);
  const args = ["run", "p.ts", "--from", "file:in.ndjson", ...to, "--quiet"];
  // Live: the file grows while the run follows it, by the clock on the wall, and is stopped in between.
  for (const [from, upTo] of [[0, 700], [700, 1900], [1900, 3000]]) {
    folder.write("in.ndjson", lines.slice(0, from).join(""));
    const child = spawnCli([...args, "--feed-records", "97"], { cwd: folder.path });
    for (let at = from; at < upTo; at += 300) {
      Deno.writeTextFileSync(folder.at("in.ndjson"), lines.slice(at, Math.min(upTo, at + 300)).join(""), {
        append: true,
      });
      await until(async () => (await recordsOf(folder)) >= Math.min(upTo, at + 300));
    }
    child.kill("SIGTERM");
    assertEquals((await child.output()).code, 0);
  }
  const ended = await runCli([...args, "--until-end"], { cwd: folder.path });
  assertEquals(ended.code, 0, ended.stderr);
  const live = OUTPUTS.map((name) => folder.read(`${name}.ndjson`));
  await using other = new TestFolder();
  other.write("p.ts", PIPELINE);
  other.write("in.ndjson", lines.join(""));
  const batch = await runCli([...args, "--until-end", "--clock", "event"], { cwd: other.path });
  assertEquals(batch.code, 0, batch.stderr);
  assertEquals(OUTPUTS.map((name) => other.read(`${name}.ndjson`)), live);
  assert(live.every((text) => text.split("\n").length > 5), live.map(({ length }) => length).join());
});

async function recordsOf(folder: TestFolder): Promise<number> {
  const { stdout } = await runCli(["journal", "show", "clicks", "--json"], { cwd: folder.path });
  const feeds = stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line) as { records?: number });
  return feeds.reduce((sum, { records = 0 }) => sum + records, 0);
}

Deno.test("operators within a processor written by hand give what the pipeline gives, timers and effects included", async () => {
  const embedded = `import { count, defineProcessor, embed, enrich, json, tumbling } from "@sluice/sluice/pipeline";
interface Click { readonly at: number }
const windows = embed("w", { time: ({ at }: Click) => at, idle: "1h" }, (clicks) =>
  clicks.window(tumbling("1m")).aggregate({ n: count() })
    .through(enrich({ effect: "double", ask: ({ n }) => n, combine: (value, n: number) => ({ ...value, n }) })));
export default defineProcessor({
  name: "embedded", input: json<Click>(), output: json<unknown>(),
  process: async (record, context) => await windows.take(record, context),
  onTimer: async (timer, context) => await windows.alarm(timer, context),
  onEnd: async (context) => await windows.end(context),
});`;
  await using folder = new TestFolder();
  folder.write("p.ts", embedded);
  folder.write("effects.ts", "export const double = (n: number) => n * 2;");
  folder.write("in.ndjson", [1, 2, 61_000, 62_000, 63_000].map((at) => `{"at":${at}}\n`).join(""));
  const args = [
    "run",
    "p.ts",
    "--from",
    "file:in.ndjson",
    "--to",
    "file:out.ndjson",
    "--effects",
    "effects.ts",
    "--until-end",
  ];
  const { code, stderr } = await runCli(args, { cwd: folder.path });
  assertEquals(code, 0, stderr);
  const found = folder.read("out.ndjson").trim().split("\n").map((line) => JSON.parse(line).n);
  assertEquals(found, [4, 6]);
  const replayed = await runCli(["replay", "embedded"], { cwd: folder.path });
  assertEquals(replayed.code, 0, replayed.stderr);
});

Deno.test("an error in a pipeline is told at its place in the user's file", async () => {
  await using folder = new TestFolder();
  const script = `import { json, pipeline } from "@sluice/sluice/pipeline";
export default pipeline("p", ({ from }) =>
  from(json<{ a?: { b: number } }>())
    .map(({ a }) => a!.b)
    .to(json()));`;
  folder.write("p.ts", script);
  folder.write("in.ndjson", "{}\n");
  const args = ["run", "p.ts", "--from", "file:in.ndjson", "--to", "file:out.ndjson", "--until-end"];
  const { code, stderr } = await runCli(args, { cwd: folder.path });
  assertEquals(code, 1);
  assert(/p\.ts:4:\d+/.test(stderr), stderr);
});
