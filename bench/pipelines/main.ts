/**
 * Pipelines beside plain loops: `deno task bench:pipelines`. Whole processes are timed, start to exit, the best of five in
 * turn, so that noise hits all alike. Ratios are within one run; nothing else should run on the machine.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { timed } from "../timed.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const SLUICE = join(HERE, "../../cli/main.ts");
const ROUNDS = 5;
const START_MS = 1_700_000_040_000;

const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
const at = (name: string): string => join(folder, name);
try {
  writeClicks(at("clicks.ndjson"), 1_000_000, 10_000);
  for (const name of ["orders", "payments"]) writeSides(at(`${name}.ndjson`), name, 500_000);
  await measure();
} finally {
  await Deno.remove(folder, { recursive: true });
}

interface Contender {
  readonly name: string;
  readonly args: readonly string[];
}

async function measure(): Promise<void> {
  const clicks = ["--from", `file:${at("clicks.ndjson")}`];
  const times = await fastest([
    plain("tumbling", ["clicks.ndjson"]),
    pipeline("processors/tumbling.ts", clicks),
    pipeline("processors/hopping.ts", clicks),
    plain("join", ["orders.ndjson", "payments.ndjson"]),
    pipeline("processors/join.ts", [
      "--from",
      `orders=file:${at("orders.ndjson")}?time=at`,
      "--from",
      `payments=file:${at("payments.ndjson")}?time=at`,
    ]),
    pipeline("processors/by_hand.ts", clicks),
    pipeline("project.yaml", ["--from", `clicks=file:${at("clicks.ndjson")}`]),
  ]);
  const [plainCount, tumbling, hopping, plainJoin, joined, byHand, yaml] = times;
  report("tumbling count, 10,000 keys", plainCount, tumbling, "plain loop", 0.5);
  report("hopping 5m by 1m", tumbling, hopping, "tumbling 1m", 0.5);
  report("interval join, 2 × 500,000", plainJoin, joined, "plain loop", 0.3);
  report("filter and project in YAML", byHand, yaml, "by hand", 0.5);
}

function report(what: string, beforeMs: number, ms: number, beside: string, wanted: number): void {
  const seconds = (time: number) => `${(time / 1000).toFixed(2)} s`;
  const ratio = (beforeMs / ms).toFixed(2);
  console.log(`${what.padEnd(28)} ${seconds(ms)}, ${beside} ${seconds(beforeMs)}: ratio ${ratio} (wanted ${wanted})`);
}

function plain(mode: string, inputs: readonly string[]): Contender {
  return { name: mode, args: [join(HERE, "plain.ts"), mode, at("plain.out"), ...inputs.map(at)] };
}

function pipeline(path: string, from: readonly string[]): Contender {
  const to = ["--to", `file:${at("sluice.out")}`, "--journal", at("journal.db"), "--until-end", "--quiet"];
  return { name: path, args: [SLUICE, "run", join(HERE, path), ...from, ...to] };
}

async function fastest(contenders: readonly Contender[]): Promise<readonly number[]> {
  const best = contenders.map(() => Infinity);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { args }] of contenders.entries()) best[i] = Math.min(best[i], await timedAnew(args));
  }
  return best;
}

async function timedAnew(args: readonly string[]): Promise<number> {
  for (const name of ["sluice.out", "journal.db", "journal.db-wal", "journal.db-shm"]) {
    await Deno.remove(at(name)).catch(() => {});
  }
  return await timed(args);
}

/** A hundred thousand clicks a minute, in order of time. */
function writeClicks(path: string, records: number, users: number): void {
  writeLines(path, records, (i) => {
    const user = String(i * 7919 % users).padStart(6, "0");
    const line = `{"user":"user-${user}","at":${START_MS + Math.floor(i * 0.6)},"page":"/products/${i % 97}","note":"`;
    return `${line}${"x".repeat(98 - line.length)}"}\n`;
  });
}

function writeSides(path: string, name: string, records: number): void {
  const shiftMs = name === "orders" ? 0 : 700;
  writeLines(path, records, (i) => {
    return `{"id":"id-${String(i).padStart(7, "0")}","at":${START_MS + i * 10 + shiftMs},"cents":${i % 977}}\n`;
  });
}

function writeLines(path: string, count: number, lineAt: (i: number) => string): void {
  const file = Deno.openSync(path, { write: true, create: true, truncate: true });
  const encoder = new TextEncoder();
  let text = "";
  for (let i = 0; i < count; i++) {
    text += lineAt(i);
    if (text.length < 1 << 20 && i < count - 1) continue;
    const bytes = encoder.encode(text);
    for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    text = "";
  }
  file.close();
}
