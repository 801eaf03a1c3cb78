/** What tests of pipeline files share: a pipeline with windows, an operator of its own and late records, and its orders. */

import { TestFolder } from "./processor_script.ts";

export const ORDERS = [
  { customer: "ann", cents: 1250, at: 1000 },
  { customer: "bob", cents: 30, at: 2000 },
  { customer: "ann", cents: 750, at: 61_000 },
  { customer: "ann", cents: 10, at: 59_000 },
  { customer: "bob", cents: 99, at: 125_000 },
  { customer: "ann", cents: 1, at: 3000 },
].map((order) => JSON.stringify(order) + "\n").join("");

export const PER_MINUTE = `
name: per-minute
from:
  orders:
    uri: file:\${ORDERS:orders.ndjson}
    time: at
    lateness: \${LATENESS:10s}
steps:
  - filter: cents > 5 || customer == "ann"
  - set: { euros: cents / 100 }
  - key: customer
  - window: { tumbling: 1m, aggregate: { orders: count, euros: { sum: euros } } }
    late: late
  - use: ./steps.ts#rounded
    with: { digits: 1 }
to:
  totals: file:totals.ndjson
  late: file:late.ndjson
run:
  until-end: true
`;

export const STEPS = `
import { map } from "@sluice/sluice/pipeline";

export const rounded = ({ digits }: { digits: number }) =>
  map((value: { euros: number }) => ({ ...value, euros: Number(value.euros.toFixed(digits)) }));
`;

/** A folder with these files, by their names. */
export function project(files: Readonly<Record<string, string>>): TestFolder {
  const folder = new TestFolder();
  for (const [name, text] of Object.entries(files)) folder.write(name, text);
  return folder;
}

/** The values of a text with one JSON value a line. */
export function values(text: string): unknown[] {
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

/** An event of a run, as `journal show --json` gives it. */
export interface ShownEvent {
  readonly event: string;
  readonly seq: number;
  readonly detail: Readonly<Record<string, unknown>>;
}
