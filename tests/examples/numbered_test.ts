/** The numbered examples, run as their heads say. */

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCli } from "../support/cli.ts";
import { TestFolder } from "../support/processor_script.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples", import.meta.url));

interface Example {
  readonly inputs: Readonly<Record<string, readonly unknown[]>>;
  /** What is typed behind the example's name. */
  readonly args: readonly string[];
  readonly outputs: Readonly<Record<string, readonly unknown[]>>;
}

const at = (minute: number, second = 0): string => new Date(Date.UTC(2026, 0, 1, 9, minute, second)).toISOString();

const RUN: Readonly<Record<string, Example>> = {
  "03_per_minute.ts": {
    inputs: {
      orders: [
        { customer: "ann", cents: 500, at: at(0) },
        { customer: "ann", cents: 250, at: at(0, 30) },
        { customer: "bob", cents: 100, at: at(2) },
        { customer: "ann", cents: 1, at: at(0, 40) },
      ],
    },
    args: [
      "--from",
      "file:orders.ndjson",
      "--to",
      "file:totals.ndjson",
      "--to",
      "late=file:late.ndjson",
      "--until-end",
    ],
    outputs: {
      totals: [
        { key: "ann", startMs: Date.parse(at(0)), endMs: Date.parse(at(1)), orders: 2, cents: 750 },
        { key: "bob", startMs: Date.parse(at(2)), endMs: Date.parse(at(3)), orders: 1, cents: 100 },
      ],
      late: [{ customer: "ann", cents: 1, at: at(0, 40) }],
    },
  },
  "04_sessions.ts": {
    inputs: {
      clicks: [[0, "ann"], [1, "bob"], [10, "ann"], [45, "ann"]].map(([minute, user]) => ({
        user,
        page: "/",
        at: at(Number(minute)),
      })),
    },
    args: ["--from", "file:clicks.ndjson?key=user&time=at", "--to", "file:sessions.ndjson"]
      .concat(["--clock", "event", "--until-end"]),
    outputs: {
      sessions: [
        { user: "bob", clicks: 1, seconds: 0 },
        { user: "ann", clicks: 2, seconds: 600 },
        { user: "ann", clicks: 1, seconds: 0 },
      ],
    },
  },
  "05_prices.ts": {
    inputs: { orders: [{ sku: "apple", quantity: 3 }, { sku: "pear", quantity: 2 }] },
    args: ["--effects", join(EXAMPLES, "05_prices_effects.ts")]
      .concat(["--from", "file:orders.ndjson", "--to", "file:priced.ndjson", "--until-end"]),
    outputs: {
      priced: [{ sku: "apple", quantity: 3, cents: 90 }, { sku: "pear", quantity: 2, cents: 90 }],
    },
  },
  "06_rejects.ts": {
    inputs: {
      orders: [{ id: "1", cents: 5 }, { id: "", cents: 0 }, { id: "2", cents: 0 }, { id: "1", cents: 5 }, {
        id: "3",
        cents: 1,
      }],
    },
    args: [
      "--from",
      "file:orders.ndjson",
      "--to",
      "file:clean.ndjson",
      "--to",
      "rejects=file:rejects.ndjson",
      "--until-end",
    ],
    outputs: {
      clean: [{ id: "1", cents: 5 }, { id: "3", cents: 1 }],
      rejects: [
        { value: { id: "", cents: 0 }, reasons: ["it has no id", "it costs nothing"] },
        { value: { id: "2", cents: 0 }, reasons: ["it costs nothing"] },
      ],
    },
  },
  "07_payments.ts": {
    inputs: {
      orders: [{ id: "1", cents: 500, at: 0 }, { id: "2", cents: 100, at: 1000 }],
      payments: [{ order: "1", at: 60_000 }, { order: "3", at: 70_000 }],
    },
    args: ["--from", "orders=file:orders.ndjson", "--from", "payments=file:payments.ndjson", "--to", "file:paid.ndjson"]
      .concat(["--until-end"]),
    outputs: {
      paid: [{ id: "1", cents: 500, paidAfterMs: 60_000 }, { id: "2", cents: 100, paidAfterMs: null }],
    },
  },
};

for (const [name, { inputs, args, outputs }] of Object.entries(RUN)) {
  Deno.test(`example ${name} gives what it is there to give`, async () => {
    await using folder = new TestFolder();
    for (const [input, records] of Object.entries(inputs)) folder.write(`${input}.ndjson`, ndjson(records));
    const { code, stderr } = await runCli(["run", join(EXAMPLES, name), ...args, "--quiet"], { cwd: folder.path });
    assertEquals(code, 0, stderr);
    for (const [output, values] of Object.entries(outputs)) assertEquals(read(folder, output), values);
  });
}

Deno.test("example 08_alerts.yaml gives what it is there to give", async () => {
  await using folder = new TestFolder();
  const celsius = [60, 85, 86, 87, 88, 75, 65, 90];
  const readings = celsius.map((celsius, i) => ({ machine: "m", celsius, at: 1000 * i }));
  const env = { READINGS: folder.write("readings.ndjson", ndjson(readings)), ALERTS: folder.at("alerts.ndjson") };
  const run = ["run", join(EXAMPLES, "08_alerts.yaml"), "--until-end", "--quiet", "--journal", folder.at("journal.db")];
  const { code, stderr } = await runCli(run, { cwd: folder.path, env });
  assertEquals(code, 0, stderr);
  const alerts = read(folder, "alerts") as readonly { readonly kind: string; readonly key: string }[];
  assertEquals(alerts.map(({ kind, key }) => `${kind} ${key}`), ["raised m", "cleared m", "raised m"]);
});

Deno.test("every numbered example is run by a test", () => {
  const names = [...Deno.readDirSync(EXAMPLES)].map(({ name }) => name).filter((name) => /^\d\d_/.test(name));
  // The first two are the demo's; handlers are run with their processor.
  const elsewhere = ["01_totals.ts", "02_totals_with_discount.ts", "05_prices_effects.ts", "08_alerts.yaml"];
  assertEquals(names.filter((name) => !elsewhere.includes(name)).sort(), Object.keys(RUN));
});

function ndjson(records: readonly unknown[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

function read(folder: TestFolder, name: string): readonly unknown[] {
  return folder.read(`${name}.ndjson`).split("\n").slice(0, -1).map((line) => JSON.parse(line));
}
