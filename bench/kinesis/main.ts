/**
 * Kinesis beside the SDK as its users call it. Run with `deno task bench:kinesis [read|write|emulator]`.
 *
 * Against a stub (stub.ts) for what a client can do; against the emulator, which is slower than any client, for whole runs.
 * Sluice is measured by its ports (`source`, `sink`) and as a whole (`run`): journal, sandbox, process start included.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startKinesis } from "../../tools/services/kinesis.ts";
import { stop } from "../../tools/services/services.ts";
import { bareGet, barePut, createStream, sinkPort, sluiceRun, sourcePort } from "./contenders.ts";
import { PAGE_RECORDS, valueOf } from "./page.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROUNDS = 5;
const PAGES = 30;
const RECORDS = PAGES * PAGE_RECORDS;
const EMULATOR_RECORDS = 2_000;

/** Answers how many milliseconds it took. */
type Run = (endpoint: string) => Promise<number>;

const folder = await Deno.makeTempDir({ prefix: "sluice-bench-kinesis-" });
const only = Deno.args[0];
if (!only || only === "read") await withStub(read);
if (!only || only === "write") await withStub(write);
if (!only || only === "emulator") await emulator();
await Deno.remove(folder, { recursive: true }).catch(() => {});

async function withStub(work: (endpoint: string) => Promise<void>): Promise<void> {
  const stub = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", join(HERE, "stub.ts"), String(PAGES)],
    stdout: "piped",
  }).spawn();
  const [line] = await Array.fromAsync(firstOf(stub.stdout.pipeThrough(new TextDecoderStream())));
  try {
    await work(`http://127.0.0.1:${line.trim()}`);
  } finally {
    stub.kill("SIGKILL");
    await stub.status;
  }
}

async function* firstOf(stream: ReadableStream<string>): AsyncGenerator<string> {
  for await (const chunk of stream) {
    yield chunk;
    return;
  }
}

async function read(endpoint: string): Promise<void> {
  const from = `kinesis://us-east-1/bench?endpoint=${endpoint}&callsPerSecond=1000000`;
  await race("read", RECORDS, endpoint, "bare GetRecords loop", {
    "bare GetRecords loop": (at) => bareGet(at, RECORDS),
    "source": (at) => sourcePort(at, RECORDS, false),
    "source, dedupe=sluice": (at) => sourcePort(at, RECORDS, true),
    "run to a file": () => sluiceRun(HERE, folder, from, `file:${join(folder, `${crypto.randomUUID()}.ndjson`)}`),
  });
}

async function write(endpoint: string): Promise<void> {
  const input = join(folder, "in.ndjson");
  await Deno.writeTextFile(input, Array.from({ length: RECORDS }, (_, n) => valueOf(n) + "\n").join(""));
  const to = (format: string) => `kinesis://us-east-1/bench?endpoint=${endpoint}&records=${format}`;
  await race("write", RECORDS, endpoint, "bare PutRecords of 500", {
    "bare PutRecords of 500": (at) => barePut(at, RECORDS),
    "sink, plain": (at) => sinkPort(at, RECORDS, "plain"),
    "sink, aggregated": (at) => sinkPort(at, RECORDS, "aggregated"),
    "run from a file, plain": () => sluiceRun(HERE, folder, `file:${input}?key=n`, to("plain")),
    "run from a file, aggregated": () => sluiceRun(HERE, folder, `file:${input}?key=n`, to("aggregated")),
  });
}

/** What it holds slows it down: every round has streams of its own. */
async function emulator(): Promise<void> {
  const service = await startKinesis(folder);
  const endpoint = `http://${service.address}`;
  try {
    await race("emulator, read", EMULATOR_RECORDS, endpoint, "bare GetRecords loop", {
      "bare GetRecords loop": async (at) => await bareGet(at, EMULATOR_RECORDS, await filled(at)),
      "source": async (at) => await sourcePort(at, EMULATOR_RECORDS, false, await filled(at)),
    });
    await race("emulator, write", EMULATOR_RECORDS, endpoint, "bare PutRecords of 500", {
      "bare PutRecords of 500": async (at) => await barePut(at, EMULATOR_RECORDS, await createStream(at)),
      "sink, plain": async (at) => await sinkPort(at, EMULATOR_RECORDS, "plain", await createStream(at)),
      "sink, aggregated": async (at) => await sinkPort(at, EMULATOR_RECORDS, "aggregated", await createStream(at)),
    });
  } finally {
    await stop(service);
  }
}

async function filled(endpoint: string): Promise<string> {
  const stream = await createStream(endpoint);
  await barePut(endpoint, EMULATOR_RECORDS, stream);
  return stream;
}

/** Prints medians, and each as a ratio to `base`. */
async function race(
  name: string,
  records: number,
  endpoint: string,
  base: string,
  runs: Readonly<Record<string, Run>>,
): Promise<void> {
  const rates = new Map<string, number[]>(Object.keys(runs).map((each) => [each, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [each, run] of Object.entries(runs).toSorted(() => Math.random() - 0.5)) {
      rates.get(each)!.push(records / await run(endpoint));
    }
  }
  const median = (all: readonly number[]) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];
  const bare = median(rates.get(base)!);
  for (const [each, all] of rates) {
    const rate = median(all);
    console.log(
      `${name} ${records} ${each.padEnd(28)} ${rate.toFixed(1).padStart(7)} k/s  ${(rate / bare).toFixed(2)} ×`,
    );
  }
}
