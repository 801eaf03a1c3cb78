/** Runs that share a sandbox, as the pipelines of a file do: each has a task of the same name, and feeds of its own. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { loadProcessor } from "../../controller/load_processor.ts";
import { runLoaded } from "../../controller/run_processor.ts";
import { openPool } from "../../controller/sandbox/open_pool.ts";
import type { SandboxPool } from "../../controller/sandbox/pool.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const RECORDS = 50;
const VALUES = Array.from({ length: RECORDS }, (_, i) => ({ value: String(i) }));

async function outputsOf(name: string, folder: TestFolder, pool: SandboxPool): Promise<readonly string[]> {
  const count = `const n = (context.state.get<number>("n") ?? 0) + 1; context.state.set("n", n);`;
  const script = folder.write(`${name}.ts`, scriptOf(`${count} context.emit({ value: "${name} " + n });`));
  const sink = new MemorySink();
  const { failures } = await runLoaded(await loadProcessor(script, pool), pool, {
    name,
    journal: folder.at("j.db"),
    from: { default: new MemorySource("lines", { "0": VALUES }) },
    to: { default: sink },
    limits: { feedRecordsMax: 1, snapshotFeedsMin: 5 },
  });
  assertEquals(failures, []);
  return sink.outputs.map(({ value }) => JSON.parse(value!));
}

Deno.test("runs that share a sandbox do not take each other's feeds, nor each other's state", async () => {
  await using folder = new TestFolder();
  const pool = openPool({});
  try {
    const names = ["first", "second", "third"];
    const outputs = await Promise.all(names.map((name) => outputsOf(name, folder, pool)));
    for (const [i, name] of names.entries()) assertEquals(outputs[i], VALUES.map((_, n) => `${name} ${n + 1}`));
  } finally {
    pool.close();
  }
});

Deno.test("runs of one code that share a sandbox, and its realm, keep seeds, variables and state to themselves", async () => {
  await using folder = new TestFolder();
  const count = `const n = (context.state.get<number>("n") ?? 0) + 1; context.state.set("n", n);`;
  const script = folder.write(
    "p.ts",
    scriptOf(`${count} moduleCounter++; context.emit({ value: [n, moduleCounter, Math.random(), context.uuid()] });`),
  );
  const outputsWith = async (seed: number, pool: SandboxPool): Promise<readonly unknown[]> => {
    const sink = new MemorySink();
    const name = `${seed}-${crypto.randomUUID()}`;
    await runLoaded(await loadProcessor(script, pool), pool, {
      ...{ name, seed, journal: folder.at("j.db"), to: { default: sink }, limits: { feedRecordsMax: 1 } },
      from: { default: new MemorySource("lines", { "0": VALUES }) },
    });
    return sink.outputs.map(({ value }) => JSON.parse(value!));
  };
  const pool = openPool({});
  try {
    const together = await Promise.all([1, 2, 3].map((seed) => outputsWith(seed, pool)));
    for (const [i, outputs] of together.entries()) assertEquals(outputs, await outputsWith(i + 1, pool));
    assertNotEquals(together[0], together[1]);
  } finally {
    pool.close();
  }
});
