/**
 * The demo: a run is killed in the middle, goes on without losing or doubling anything, is replayed byte for byte, and
 * changed code is tried on what it recorded. No server, a temporary folder, a few seconds.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ORDERS = 300_000;
const CUSTOMERS = 500;
const SLUICE = fileURLToPath(new URL("../cli/main.ts", import.meta.url));
const TOTALS = fileURLToPath(new URL("./01_totals.ts", import.meta.url));
const CHANGED = fileURLToPath(new URL("./02_totals_with_discount.ts", import.meta.url));

const folder = await Deno.makeTempDir({ prefix: "sluice-demo-" });
const orders = join(folder, "orders.ndjson");
const totals = join(folder, "totals.ndjson");
const run = [
  "run",
  TOTALS,
  "--from",
  `file:${orders}`,
  "--to",
  `file:${totals}`,
  "--until-end",
  "--feed-records",
  "2000",
];

try {
  say(`1. ${ORDERS} orders of ${CUSTOMERS} customers`);
  const expected = await writeOrders();

  say("2. A run adds them up per customer, and is killed (SIGKILL) in the middle");
  const child = sluice(run, "null").spawn();
  await sizeReached(totals, 5_000_000, child.status);
  child.kill("SIGKILL");
  await child.status;
  const half = (await Deno.readTextFile(totals)).split("\n").length - 1;
  console.log(`   killed after about ${half} of ${ORDERS} outputs`);

  say("3. The same command goes on where it stopped");
  await sluice(run, "inherit").spawn().status;
  const lines = (await Deno.readTextFile(totals)).split("\n").slice(0, -1);
  const isRight = lines.length === ORDERS && isSame(lines, expected);
  console.log(`   ${lines.length} outputs, totals ${isRight ? "right" : "WRONG"}: nothing lost, nothing doubled`);

  say("4. The whole run is replayed: every output, state change and random number again, compared by digest");
  await sluice(["replay", "totals"], "inherit").spawn().status;

  say("5. Changed code (ten percent off from 90 euros) over the same feeds: what would have been different?");
  await sluice(["replay", "totals", "--with", CHANGED, "--feeds", "0..10", "--max-divergences", "3"], "inherit").spawn()
    .status;
  if (!isRight) Deno.exit(1);
} finally {
  await Deno.remove(folder, { recursive: true });
}

function say(text: string): void {
  console.log(`\n${text}`);
}

function sluice(args: readonly string[], stderr: "inherit" | "null"): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", SLUICE, ...args, "--journal", join(folder, "journal.db")],
    stdout: "inherit",
    stderr,
  });
}

/** Writes the orders; answers what each customer spends. */
async function writeOrders(): Promise<ReadonlyMap<string, number>> {
  const expected = new Map<string, number>();
  let text = "";
  for (let i = 0; i < ORDERS; i++) {
    const customer = `customer-${i * 7919 % CUSTOMERS}`;
    const cents = i * 31 % 10_000;
    expected.set(customer, (expected.get(customer) ?? 0) + cents);
    text += `${JSON.stringify({ id: `order-${i}`, customer, cents })}\n`;
  }
  await Deno.writeTextFile(orders, text);
  return expected;
}

/** The last total of every customer is what was expected. */
function isSame(lines: readonly string[], expected: ReadonlyMap<string, number>): boolean {
  const last = new Map<string, number>();
  for (const line of lines) {
    const { customer, cents } = JSON.parse(line) as { customer: string; cents: number };
    last.set(customer, cents);
  }
  return last.size === expected.size && [...expected].every(([customer, cents]) => last.get(customer) === cents);
}

async function sizeReached(path: string, size: number, ended: Promise<unknown>): Promise<void> {
  let hasEnded = false;
  ended.then(() => hasEnded = true);
  while (!hasEnded && sizeOf(path) < size) await new Promise((resolve) => setTimeout(resolve, 5));
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}
