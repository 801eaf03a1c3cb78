/** What Java, Go (franz-go) and librdkafka (kcat) write in every codec is read by us, and the other way round. */

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CODECS } from "../../../adapters/kafka/protocol/compression.ts";
import { KafkaSource } from "../../../adapters/kafka/source.ts";
import { cacheFolder } from "../../../tools/services/cache.ts";
import { runCli } from "../../support/cli.ts";
import { freshTopic, kafkaAddress, type ReadRecord, readTopic, runJava } from "../../support/kafka.ts";
import { TestFolder } from "../../support/processor_script.ts";
import { readAll } from "../../support/read_source.ts";

interface Sample {
  readonly key: string | null;
  readonly value: string | null;
  readonly timeMs: number;
  readonly headers: readonly (readonly [string, string | null])[];
}

const SAMPLES: readonly Sample[] = [
  { key: "a", value: "plain", timeMs: 1_700_000_000_000, headers: [] },
  { key: null, value: "no key", timeMs: 1_700_000_000_001, headers: [["one", "1"]] },
  { key: "tombstone", value: null, timeMs: 1_600_000_000_000, headers: [["one", "1"], ["one", "2"], ["none", null]] },
  { key: "", value: "", timeMs: 1, headers: [["", ""]] },
  { key: "ключ 🔑", value: "värde 🌊".repeat(2000), timeMs: 1_200_000_000_000, headers: [["über", "größe"]] },
  ...Array.from({ length: 60 }, (_, i) => ({
    key: `k${i % 7}`,
    value: JSON.stringify({ i, text: "x".repeat(i) }),
    timeMs: 1_700_000_000_000 + i * 1000,
    headers: [],
  })),
];

const base64 = (text: string | null) => text === null ? null : new TextEncoder().encode(text).toBase64();

function linesOf(samples: readonly Sample[]): string {
  return samples.map(({ key, value, timeMs, headers }) =>
    JSON.stringify({
      key: base64(key),
      value: base64(value),
      timeMs,
      headers: headers.map((header) => header.map(base64)),
    }) + "\n"
  ).join("");
}

function sampleOf({ key, value, timeMs, headers }: Omit<ReadRecord, "timeMs"> & { readonly timeMs?: number }): Sample {
  return { key, value, timeMs: timeMs!, headers };
}

async function run(program: string, args: readonly string[], stdin?: string, cwd?: string): Promise<string> {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    ...(cwd === undefined ? {} : { cwd }),
  }).spawn();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin));
    await writer.close();
  }
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Builds the peer in Go once per machine. */
async function goPeer(): Promise<string> {
  const path = join(cacheFolder(), "peer-go");
  await run("go", ["build", "-o", path, "."], undefined, fileURLToPath(new URL("../../support/go", import.meta.url)));
  return path;
}

async function readByUs(topic: string): Promise<Sample[]> {
  const brokers = [await kafkaAddress()];
  const source = await KafkaSource.open({
    brokers,
    topics: [topic],
    isBounded: true,
    start: "earliest",
    settings: new Map(),
  });
  const records = await readAll(source);
  await source.close();
  return records.map((record) => sampleOf(record));
}

Deno.test("what Java writes is read, in every codec, with headers, nulls and times", async () => {
  await using folder = new TestFolder();
  const path = folder.write("samples", linesOf(SAMPLES));
  for (const codec of CODECS) {
    const topic = await freshTopic();
    await runJava("WriteRecords", [topic, codec, path]);
    assertEquals(await readByUs(topic), SAMPLES, codec);
  }
});

Deno.test("what franz-go writes is read, in every codec, with headers, nulls and times", async () => {
  const peer = await goPeer();
  for (const codec of CODECS) {
    const topic = await freshTopic();
    await run(peer, ["write", await kafkaAddress(), topic, codec], linesOf(SAMPLES));
    assertEquals(await readByUs(topic), SAMPLES, codec);
  }
});

Deno.test("what kcat writes is read, in every codec, with headers and nulls", async () => {
  // kcat cannot write times, and one set of headers is for all records.
  const samples = SAMPLES.filter(({ value }) => value !== null && value.length > 0);
  for (const codec of CODECS) {
    const topic = await freshTopic();
    const lines = samples.map(({ key, value }) => `${key ?? ""}\t${value}\n`).join("");
    const args = [
      "-P",
      "-b",
      await kafkaAddress(),
      "-t",
      topic,
      "-p",
      "0",
      "-K",
      "\t",
      "-Z",
      "-z",
      codec,
      "-H",
      "one=1",
    ];
    await run("kcat", args, lines);
    const read = await readByUs(topic);
    assertEquals(
      read.map(({ key, value, headers }): unknown[] => [key, value, headers]),
      samples.map(({ key, value }): unknown[] => [key || null, value, [["one", "1"] as const]]),
      codec,
    );
  }
});

const ECHO = `import { defineProcessor, text } from "@sluice/sluice/processor";
export default defineProcessor({
  name: "echo", input: text(), output: text(),
  process({ key, value, headers, eventTimeMs }, { emit }) { emit({ key, value, headers, timeMs: eventTimeMs }); },
});
`;

Deno.test("what we write is read by Java, franz-go and kcat, in every codec, with headers, nulls and times", async () => {
  await using folder = new TestFolder();
  folder.write("echo.ts", ECHO);
  const input = await freshTopic();
  await runJava("WriteRecords", [input, "none", folder.write("samples", linesOf(SAMPLES))]);
  const peer = await goPeer();
  const address = await kafkaAddress();
  for (const codec of CODECS) {
    const topic = await freshTopic();
    const args = ["run", "echo.ts", "--from", `kafka://${address}/${input}`, "--until-end", "--quiet"]
      .concat(["--to", `kafka://${address}/${topic}?compression=${codec}`, "--name", topic]);
    const { code, stderr } = await runCli(args, { cwd: folder.path });
    assertEquals([code, stderr.replaceAll(/^Topic .* will drop outputs.*\n/gm, "")], [0, ""], codec);
    assertEquals((await readTopic(topic)).map(sampleOf), SAMPLES, `Java, ${codec}`);
    const byGo = await run(peer, ["read", address, topic, String(SAMPLES.length)]);
    assertEquals(byGo.replaceAll(/,"headers":\[\]/g, ',"headers":[]'), linesOf(SAMPLES), `franz-go, ${codec}`);
    const byKcat = await run("kcat", ["-C", "-b", address, "-t", topic, "-e", "-q", "-f", "%T %K %S\n"]);
    const sizes = SAMPLES.map(({ key, value, timeMs }) => `${timeMs} ${sizeOf(key)} ${sizeOf(value)}\n`).join("");
    assertEquals(byKcat, sizes, `kcat, ${codec}`);
  }
});

function sizeOf(field: string | null): number {
  return field === null ? -1 : new TextEncoder().encode(field).length;
}
