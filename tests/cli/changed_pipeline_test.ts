/** Pipeline files that change: steps that come and go between two starts, and beside a run with `--watch`. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCli, spawnCli } from "../support/cli.ts";
import { ORDERS, PER_MINUTE, project, type ShownEvent, STEPS, values } from "../support/pipeline_files.ts";
import type { TestFolder } from "../support/processor_script.ts";
import { until } from "../support/until.ts";

Deno.test("steps that come and go are an event at a place; the others keep their state, and a replay goes across", async () => {
  await using folder = project({ "per_minute.yaml": PER_MINUTE, "steps.ts": STEPS, "orders.ndjson": ORDERS });
  const cut = ORDERS.split("\n").slice(0, 2).join("\n") + "\n";
  folder.write("orders.ndjson", cut);
  // The run is stopped while its window is open: it follows the file.
  const options = ["run", "per_minute.yaml", "--json"];
  const open = PER_MINUTE.replace("run:\n  until-end: true\n", "");
  folder.write("per_minute.yaml", open);
  const stopped = await stopAfterRecords(folder, options, 2);
  assertEquals(stopped, 0);
  folder.write(
    "per_minute.yaml",
    PER_MINUTE.replace("  - key: customer\n", "  - dedupe: { by: at, ttl: 1h }\n    late: late\n  - key: customer\n"),
  );
  folder.write("orders.ndjson", ORDERS);
  const { code, stderr } = await runCli(["run", "per_minute.yaml"], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /goes on with changed code .*, with dedupe/);
  const [first] = values(folder.read("totals.ndjson"));
  assertEquals(first, { key: "ann", startMs: 0, endMs: 60_000, orders: 2, euros: 12.6 });
  const shown = await runCli(["journal", "show", "per-minute", "--json"], { cwd: folder.path });
  const changed = values(shown.stdout).map((line) => line as ShownEvent).find(({ event }) => event === "code changed")!;
  assertEquals([changed.detail.stepsAdded, changed.detail.stepsRemoved], [["dedupe"], []]);
  assert(changed.seq > 0 && Object.keys(changed.detail.positions as object).length === 1, JSON.stringify(changed));
  const replayed = await runCli(["replay", "per-minute"], { cwd: folder.path });
  assertEquals(replayed.code, 0, replayed.stderr);
});

Deno.test("with --watch a run goes on with the steps that its file has now, and stays as it is while the file is wrong", async () => {
  const open = PER_MINUTE.replace("run:\n  until-end: true\n", "").replace(/ {2}- use[^]*?\nto:/, "to:");
  await using folder = project({
    "per_minute.yaml": open,
    "orders.ndjson": ORDERS.split("\n").slice(0, 2).join("\n") + "\n",
  });
  const child = spawnCli(["run", "per_minute.yaml", "--watch"], { cwd: folder.path });
  let told = "";
  const telling = child.stderr.pipeTo(
    new WritableStream({ write: (bytes) => void (told += new TextDecoder().decode(bytes)) }),
  );
  const shown = async (what: string) =>
    (await runCli(["journal", "show", "per-minute", "--json"], { cwd: folder.path })).stdout.includes(what);
  await until(() => shown('"records":2'));
  folder.write("per_minute.yaml", open.replace("filter:", "filtre:"));
  // A file that is written anew is empty for a moment, which a run must take for another one.
  const append = (text: string) => Deno.writeTextFileSync(folder.at("orders.ndjson"), text, { append: true });
  append(ORDERS.split("\n")[2] + "\n");
  await until(async () => told.includes("The runs go on as they are") && await shown('"records":1'));
  folder.write("per_minute.yaml", open.replace("  - key: customer\n", "  - set: { seen: true }\n  - key: customer\n"));
  await until(() => shown('"stepsAdded":["set-2"]'));
  append(ORDERS.split("\n").slice(3).join("\n"));
  await until(() => shown('"records":3'));
  child.kill("SIGTERM");
  const [{ code }] = await Promise.all([child.status, telling, child.stdout.cancel()]);
  assertEquals(code, 0, told);
  assertMatch(told, /filtre[^]*did you mean filter\?[^]*The runs go on as they are/);
  const ended = await runCli(["run", "per_minute.yaml", "--until-end"], { cwd: folder.path });
  assertEquals(ended.code, 0, ended.stderr);
  assertEquals(values(folder.read("totals.ndjson")).length, 4);
  assertEquals((await runCli(["replay", "per-minute"], { cwd: folder.path })).code, 0);
});

Deno.test("with --watch a pipeline that could not begin begins when its file is mended; the others go on meanwhile", async () => {
  const file = (input: string) => `
pipelines:
  - { name: whole, from: file:orders.ndjson, to: file:whole.ndjson }
  - { name: mended, from: file:${input}, to: file:mended.ndjson }
`;
  await using folder = project({ "p.yaml": file("nothing.ndjson"), "orders.ndjson": ORDERS });
  const child = spawnCli(["run", "p.yaml", "--watch", "--quiet"], { cwd: folder.path });
  const has = (name: string) => Deno.readTextFile(folder.at(name)).then((text) => text === ORDERS, () => false);
  await until(() => has("whole.ndjson"));
  folder.write("p.yaml", file("orders.ndjson"));
  await until(() => has("mended.ndjson"));
  child.kill("SIGTERM");
  await child.stdin.close();
  const { code, stderr } = await child.output();
  assertEquals(code, 0);
  assertStringIncludes(new TextDecoder().decode(stderr), "mended: Cannot read");
  assertEquals(await has("whole.ndjson"), true);
});

/** Follows the input until `count` records are committed, then stops as Ctrl-C does; answers the exit code. */
async function stopAfterRecords(folder: TestFolder, args: readonly string[], count: number): Promise<number> {
  const child = spawnCli(args, { cwd: folder.path });
  const shown = () => runCli(["journal", "show", "per-minute", "--json"], { cwd: folder.path });
  await until(async () => (await shown()).stdout.includes(`"records":${count}`));
  child.kill("SIGTERM");
  const { code } = await child.output();
  return code;
}
