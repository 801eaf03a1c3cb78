/**
 * Replay: how fast it starts in the middle of a long run, and how fast it goes, beside the run itself. `deno task bench:replay`.
 *
 * Whole processes are timed, best of three; the run with its journal is made once.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SqliteJournal } from "../controller/journal/sqlite_journal.ts";
import { UiApi } from "../cli/ui/api.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const SLUICE = join(HERE, "../cli/main.ts");
const RECORDS = 1_000_000;
const CUSTOMERS = 1000;
const ROUNDS = 3;
const FEEDS = 100_000;

const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
try {
  await writeOrders();
  for (const mode of ["map", "totals"]) await measure(mode);
  await measurePage();
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function measure(mode: string): Promise<void> {
  const processor = join(HERE, "processors", `${mode}.ts`);
  const run = (name: string) =>
    timed([
      "run",
      processor,
      "--name",
      name,
      "--from",
      "orders.ndjson",
      "--to",
      `${name}.ndjson`,
      "--until-end",
      "--quiet",
    ]);
  const name = `${mode}0`;
  let [liveMs, replayMs] = [Infinity, Infinity];
  // In turn: what disturbs the machine disturbs both.
  for (let round = 0; round < ROUNDS; round++) {
    liveMs = Math.min(liveMs, await run(`${mode}${round}`));
    replayMs = Math.min(replayMs, await timed(["replay", name]));
  }
  const changed = join(folder, `${mode}_changed.ts`);
  // The last record differs: the whole run has to be looked at.
  const source = await Deno.readTextFile(processor);
  await Deno.writeTextFile(
    changed,
    source.replace("emit({", `if (value.id === "order-${RECORDS - 1}") return;\n    emit({`),
  );
  const middle = `${Math.floor(feedsOf(name) / 2)}..${Math.floor(feedsOf(name) / 2) + 1}`;
  const figures: readonly (readonly [what: string, args: readonly string[], wantedMs: number])[] = [
    ["replay of one feed in the middle", ["replay", name, "--feeds", middle], 1000],
    ["bisect, the last record differs", ["bisect", name, "--with", changed], Infinity],
    ["state after a feed in the middle", ["state", name, "--at", middle.split("..")[0], "--key", "customer-7"], 1000],
  ];
  const ratio = `${(liveMs / replayMs).toFixed(2)} × the live rate (wanted 1)`;
  console.log(`${mode}, ${RECORDS} records: live ${seconds(liveMs)}, replay ${seconds(replayMs)} = ${ratio}`);
  for (const [what, args, wantedMs] of figures) {
    let bestMs = Infinity;
    for (let round = 0; round < ROUNDS; round++) bestMs = Math.min(bestMs, await timed(args));
    const wanted = what.startsWith("bisect")
      ? `${(bestMs / replayMs).toFixed(2)} × one replay (wanted 2)`
      : `wanted ${seconds(wantedMs)}`;
    console.log(`  ${what.padEnd(34)}${seconds(bestMs)}  ${wanted}`);
  }
}

function seconds(timeMs: number): string {
  return `${(timeMs / 1000).toFixed(2)} s`;
}

/** What the page asks first of a journal of many feeds, and what it asks as it is scrolled. */
async function measurePage(): Promise<void> {
  const processor = join(HERE, "processors", "map.ts");
  const path = join(folder, "many.db");
  await timed(
    ["run", processor, "--name", "many", "--from", "many.ndjson", "--to", "many_out.ndjson", "--until-end", "--quiet"]
      .concat(["--feed-records", "1"]),
    path,
  );
  await using api = new UiApi(path);
  const startMs = performance.now();
  api.runs();
  const { tasks: [{ last }] } = api.run("many");
  api.timeline("many", "0", 0, FEEDS, 600);
  api.feeds("many", "0", 0, 200);
  const openMs = performance.now() - startMs;
  let slowestMs = 0;
  for (let from = 0; from < last; from += Math.floor(last / 50)) {
    const askedMs = performance.now();
    api.feeds("many", "0", from, 200);
    slowestMs = Math.max(slowestMs, performance.now() - askedMs);
  }
  console.log(
    `page, ${last + 1} feeds: opens in ${openMs.toFixed(0)} ms (wanted 2000), a screen of feeds in ${
      slowestMs.toFixed(0)
    } ms`,
  );
}

function feedsOf(name: string): number {
  const journal = SqliteJournal.openReader(join(folder, "journal.db"));
  const last = journal.task(journal.tasks(journal.run(name)!)[0]).lastFeed()!;
  journal.close();
  return last.seq + 1;
}

/** @throws {Error} when the command fails otherwise than by finding a difference */
async function timed(args: readonly string[], journal = join(folder, "journal.db")): Promise<number> {
  const startMs = performance.now();
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", SLUICE, ...args, "--journal", journal],
    cwd: folder,
    stdout: "null",
  }).output();
  if (code !== 0 && code !== 3) throw new Error(new TextDecoder().decode(stderr));
  return performance.now() - startMs;
}

async function writeOrders(): Promise<void> {
  const line = (i: number) =>
    `${JSON.stringify({ id: `order-${i}`, customer: `customer-${i * 7919 % CUSTOMERS}`, cents: i * 31 % 10_000 })}\n`;
  const lines = Array.from({ length: RECORDS }, (_, i) => line(i));
  await Deno.writeTextFile(join(folder, "orders.ndjson"), lines.join(""));
  await Deno.writeTextFile(join(folder, "many.ndjson"), lines.slice(0, FEEDS).join(""));
}
