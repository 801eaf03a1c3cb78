/**
 * What it costs to grow: records, keys, partitions, state. `deno task bench:growth` writes the plots and the table of
 * docs/BENCHMARKS.md; whole processes are timed, start to exit, best of three, beside the plain loop where there is one.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { linePlot, type Series } from "./svg_plot.ts";
import { timed } from "./timed.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const SLUICE = join(HERE, "../cli/main.ts");
const DOCS = fileURLToPath(new URL("../docs/", import.meta.url));
const ROUNDS = 3;
const RECORD_BYTES = 100;

interface Growth {
  readonly file: string;
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
}

const folder = await Deno.makeTempDir({ prefix: "sluice-growth-" });
try {
  const all = [await byRecords(), await byKeys(), await byPartitions(), await byState()];
  for (const { file, series, ...options } of all) {
    await Deno.writeTextFile(join(DOCS, file), linePlot(series, { ...options, isLogarithmic: true }));
    for (const { name, points } of series) {
      console.log(`${options.title}, ${name}: ${points.map(([x, y]) => `${x}: ${Math.round(y)}`).join(", ")}`);
    }
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}

/** Throughput of a map job. */
async function byRecords(): Promise<Growth> {
  const sluice: (readonly [number, number])[] = [];
  const plain: (readonly [number, number])[] = [];
  for (const records of [10_000, 100_000, 300_000, 1_000_000, 3_000_000]) {
    writeOrders(records, 1000);
    sluice.push([records, records / (await best(() => runFile("map")) / 1000)]);
    plain.push([records, records / (await best(() => runPlain("map")) / 1000)]);
  }
  const series = [{ name: "sluice", points: sluice }, { name: "plain loop", points: plain }];
  return { file: "images/growth_records.svg", title: "Throughput by records", x: "records", y: "records/s", series };
}

/** Throughput of totals per key. */
async function byKeys(): Promise<Growth> {
  const records = 1_000_000;
  const sluice: (readonly [number, number])[] = [];
  const plain: (readonly [number, number])[] = [];
  for (const keys of [10, 1_000, 10_000, 100_000, 1_000_000]) {
    writeOrders(records, keys);
    sluice.push([keys, records / (await best(() => runFile("totals")) / 1000)]);
    plain.push([keys, records / (await best(() => runPlain("totals")) / 1000)]);
  }
  const series = [{ name: "sluice", points: sluice }, { name: "plain loop", points: plain }];
  return { file: "images/growth_keys.svg", title: "Throughput by keys", x: "keys", y: "records/s", series };
}

/** Throughput of a task per file. */
async function byPartitions(): Promise<Growth> {
  const records = 960_000;
  const points: (readonly [number, number])[] = [];
  for (const partitions of [1, 2, 4, 8, 16, 32, 64]) {
    const input = join(folder, "parts");
    await Deno.remove(input, { recursive: true }).catch(() => {});
    await Deno.mkdir(input);
    for (let part = 0; part < partitions; part++) {
      writeOrders(records / partitions, 1000, join(input, `${String(part).padStart(2, "0")}.ndjson`));
    }
    points.push([
      partitions,
      records / (await best(() => runFile("map", `file:${input}/`, `file:${join(folder, "outs")}/`)) / 1000),
    ]);
  }
  const series = [{ name: "sluice", points }];
  return {
    file: "images/growth_partitions.svg",
    title: "Throughput by partitions",
    x: "partitions",
    y: "records/s",
    series,
  };
}

/** From start to exit of a run that goes on with one record, by how many keys it has. */
async function byState(): Promise<Growth> {
  const points: (readonly [number, number])[] = [];
  for (const keys of [100, 1_000, 10_000, 100_000, 1_000_000]) {
    writeOrders(keys, keys);
    await clean();
    await timed(fileArgs("totals"));
    let timeMs = Infinity;
    for (let round = 0; round < ROUNDS; round++) {
      appendOrder(keys + round, keys);
      timeMs = Math.min(timeMs, await timed(fileArgs("totals")));
    }
    points.push([keys, timeMs]);
  }
  const series = [{ name: "sluice", points }];
  return { file: "images/growth_state.svg", title: "Restart by keys of state", x: "keys", y: "ms", series };
}

async function best(attempt: () => Promise<number>): Promise<number> {
  let timeMs = Infinity;
  for (let round = 0; round < ROUNDS; round++) timeMs = Math.min(timeMs, await attempt());
  return timeMs;
}

async function clean(): Promise<void> {
  for (const name of ["out.ndjson", "outs", "journal.db", "journal.db-wal", "journal.db-shm"]) {
    await Deno.remove(join(folder, name), { recursive: true }).catch(() => {});
  }
}

function fileArgs(mode: string, from = join(folder, "in.ndjson"), to = join(folder, "out.ndjson")): readonly string[] {
  return [SLUICE, "run", join(HERE, `processors/${mode}.ts`), "--from", from, "--to", to]
    .concat(["--journal", join(folder, "journal.db"), "--until-end", "--quiet"]);
}

async function runFile(mode: string, from?: string, to?: string): Promise<number> {
  await clean();
  return await timed(fileArgs(mode, from, to));
}

async function runPlain(mode: string): Promise<number> {
  return await timed([join(HERE, "plain_loop.ts"), mode, join(folder, "in.ndjson"), join(folder, "plain.out")]);
}

function orderOf(i: number, keys: number): string {
  const head = `{"id":"order-${i}","customer":"customer-${i * 7919 % keys}","cents":${i % 10_000},"note":"`;
  return `${head}${"x".repeat(Math.max(0, RECORD_BYTES - head.length - 3))}"}\n`;
}

function writeOrders(records: number, keys: number, path = join(folder, "in.ndjson")): void {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  const encoder = new TextEncoder();
  for (let from = 0; from < records; from += 10_000) {
    const count = Math.min(10_000, records - from);
    file.writeSync(encoder.encode(Array.from({ length: count }, (_, i) => orderOf(from + i, keys)).join("")));
  }
}

function appendOrder(i: number, keys: number): void {
  Deno.writeTextFileSync(join(folder, "in.ndjson"), orderOf(i, keys), { append: true });
}
