/**
 * The benchmarks: each question is answered as a ratio to the plain loop in the same run. Run with `deno task bench`.
 *
 * Whole processes are timed, start to exit, best of three, in turn, so that noise hits both alike.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { timed } from "./timed.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const SLUICE = join(HERE, "../cli/main.ts");
const ROUNDS = 3;

interface Question {
  readonly name: string;
  readonly mode: "map" | "totals";
  readonly records: number;
  readonly recordBytes: number;
  readonly customers: number;
  readonly ratioWanted: number;
}

const QUESTIONS: readonly Question[] = [
  { name: "map, 100 B", mode: "map", records: 1_000_000, recordBytes: 100, customers: 1000, ratioWanted: 0.7 },
  { name: "map, 1 KB", mode: "map", records: 300_000, recordBytes: 1000, customers: 1000, ratioWanted: 0.8 },
  {
    name: "totals, 1,000 keys",
    mode: "totals",
    records: 1_000_000,
    recordBytes: 100,
    customers: 1000,
    ratioWanted: 0.5,
  },
  {
    name: "totals, 1,000,000 keys",
    mode: "totals",
    records: 1_000_000,
    recordBytes: 100,
    customers: 1_000_000,
    ratioWanted: 0.3,
  },
];

const MEMORY_RECORDS = 5_000_000;

const only = Deno.args[0];
const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
try {
  for (const question of QUESTIONS) if (!only || question.name.includes(only)) await answer(question);
  if (!only || "start".includes(only)) await measureStart();
  if (!only || "memory".includes(only)) await measureMemory();
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function answer(question: Question): Promise<void> {
  const { name, mode, records, recordBytes, customers, ratioWanted } = question;
  const input = join(folder, "orders.ndjson");
  writeOrders(input, records, recordBytes, customers);
  const plain: number[] = [];
  const live: number[] = [];
  const replay: number[] = [];
  let journalBytes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    plain.push(await timed([join(HERE, "plain_loop.ts"), mode, input, join(folder, "plain.out")]));
    const output = join(folder, "sluice.out");
    const journal = join(folder, "journal.db");
    await removeAll([output, journal, `${journal}-wal`, `${journal}-shm`]);
    live.push(
      await timed([SLUICE, "run", join(HERE, `processors/${mode}.ts`), "--from", input, "--to", output]
        .concat(["--journal", journal, "--until-end", "--quiet"])),
    );
    journalBytes = Deno.statSync(journal).size;
    replay.push(await timed([SLUICE, "replay", mode, "--journal", journal, "--json"]));
  }
  const [plainMs, liveMs, replayMs] = [plain, live, replay].map((times) => Math.min(...times));
  const ratio = plainMs / liveMs;
  const rate = (ms: number) => `${Math.round(records / ms)} k/s`;
  console.log(
    `${name.padEnd(24)} plain ${rate(plainMs)}, sluice ${rate(liveMs)}: ratio ${
      ratio.toFixed(2)
    } (wanted ${ratioWanted}); ` +
      `replay ${rate(replayMs)} = ${(liveMs / replayMs).toFixed(2)} of live; journal ${
        (journalBytes / records).toFixed(1)
      } B/record`,
  );
}

/** From start to exit with one record, against an empty script. */
async function measureStart(): Promise<void> {
  const [input, output, empty] = ["one.ndjson", "one.out", "empty.ts"].map((name) => join(folder, name));
  writeOrders(input, 1, 100, 1);
  await Deno.writeTextFile(empty, "");
  const empties: number[] = [];
  const starts: number[] = [];
  for (let round = 0; round < 10; round++) {
    const journal = join(folder, `start-${round}.db`);
    await removeAll([output]);
    empties.push(await timed([empty]));
    starts.push(
      await timed([SLUICE, "run", join(HERE, "processors/map.ts"), "--from", input, "--to", output]
        .concat(["--journal", journal, "--until-end", "--quiet"])),
    );
  }
  const [emptyMs, startMs] = [empties, starts].map((times) => times.sort((a, b) => a - b)[times.length >> 1]);
  console.log(
    `start to exit, 1 record  ${startMs.toFixed(0)} ms, empty script ${emptyMs.toFixed(0)} ms: ${
      (startMs / emptyMs).toFixed(1)
    } × (wanted 6)`,
  );
}

async function measureMemory(): Promise<void> {
  const input = join(folder, "orders.ndjson");
  writeOrders(input, MEMORY_RECORDS, 100, 1000);
  const command = new Deno.Command("/usr/bin/env", {
    args: [
      "bash",
      "-c",
      `"$0" "$@" & pid=$!; peak=0; while kill -0 $pid 2>/dev/null; do now=$(awk '/VmHWM/ {print $2}' /proc/$pid/status 2>/dev/null || echo 0); [ "\${now:-0}" -gt $peak ] && peak=$now; sleep 0.1; done; echo $peak`,
    ]
      .concat([
        Deno.execPath(),
        "run",
        "--quiet",
        "-A",
        SLUICE,
        "run",
        join(HERE, "processors/map.ts"),
        "--from",
        input,
      ])
      .concat(["--to", join(folder, "memory.out"), "--journal", join(folder, "memory.db"), "--until-end", "--quiet"]),
  });
  const { stdout } = await command.output();
  const megabytes = Number(new TextDecoder().decode(stdout)) / 1024;
  console.log(`peak memory, ${MEMORY_RECORDS} records  ${megabytes.toFixed(0)} MB (wanted 300)`);
}

function writeOrders(path: string, records: number, recordBytes: number, customers: number): void {
  const file = Deno.openSync(path, { write: true, create: true, truncate: true });
  const encoder = new TextEncoder();
  let text = "";
  for (let i = 0; i < records; i++) {
    const id = String(i).padStart(8, "0");
    const customer = String(i * 7919 % customers).padStart(7, "0");
    const line = `{"id":"order-${id}","customer":"customer-${customer}","cents":${i * 31 % 10_000},"note":"`;
    text += `${line}${"x".repeat(Math.max(0, recordBytes - line.length - 3))}"}\n`;
    if (text.length < 1 << 20 && i < records - 1) continue;
    const bytes = encoder.encode(text);
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    text = "";
  }
  file.close();
}

async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of paths) await Deno.remove(path).catch(() => {});
}
