/** Scripts far from any deno.json: TypeScript, local imports, npm packages, Standard Schema. */

import { assertEquals, assertMatch } from "@std/assert";
import { bundleProcessor } from "../../controller/sandbox/bundle.ts";
import { lintBundle } from "../../controller/sandbox/lint.ts";
import { batchOf, emitted, openCell, runFeed } from "../support/cells.ts";
import { TestFolder } from "../support/processor_script.ts";

const SCRIPT = `
import { defineProcessor, json } from "@sluice/sluice/processor";
import { z } from "npm:zod@4";
import { nanoid } from "npm:nanoid@5";
import ms from "npm:ms@2";
import { double } from "./lib/double.ts";
enum Size { small = 1, large }
export default defineProcessor({
  name: "packages",
  input: json(z.object({ n: z.number() })),
  output: json<unknown>(),
  process: ({ value }) => ({ value: { n: double(value.n), id: nanoid().length, size: Size.large, ms: ms("1m") } }),
});`;

Deno.test("a script with an enum, a local import and npm packages runs anywhere, and its schema refuses with a path", async () => {
  await using folder = new TestFolder();
  folder.write("lib/double.ts", "export const double = (n: number): number => n * 2;");
  const { code } = await bundleProcessor(folder.write("packages.ts", SCRIPT));
  const fed = runFeed(openCell(code, { onError: "skip" }), [batchOf([{ n: 1 }, { n: "x" }, { n: 2 }])]);
  assertEquals(emitted(fed), [{ n: 2, id: 21, size: 2, ms: 60_000 }, { n: 4, id: 21, size: 2, ms: 60_000 }]);
  assertMatch(fed.failures[0].message, /Cannot accept the record: n: .*number/);
});

Deno.test("no path of this machine is in a bundle", async () => {
  await using folder = new TestFolder();
  folder.write("lib/double.ts", "export const double = (n: number): number => n * 2;");
  const { code } = await bundleProcessor(folder.write("packages.ts", SCRIPT));
  assertEquals(code.match(/(?:\.\.\/)+[^"'\n]*\.(?:ts|js|mjs|cjs)/g), null);
});

Deno.test("the hash of a bundle depends on the code and not on where it lies", async () => {
  await using here = new TestFolder();
  await using there = new TestFolder();
  const hashes: string[] = [];
  for (const path of [here.write("a.ts", SCRIPT), there.write("deep/er/a.ts", SCRIPT)]) {
    Deno.mkdirSync(`${path.replace(/[^/]*$/, "")}lib`, { recursive: true });
    Deno.writeTextFileSync(`${path.replace(/[^/]*$/, "")}lib/double.ts`, "export const double = (n: number) => n * 2;");
    hashes.push((await bundleProcessor(path)).hash);
  }
  assertEquals(hashes[0], hashes[1]);
});

Deno.test("what packages mention and a processor cannot have is found on demand alone", async () => {
  await using folder = new TestFolder();
  folder.write("lib/double.ts", "export const double = (n: number) => n * Worker.length;");
  const bundle = await bundleProcessor(folder.write("packages.ts", SCRIPT));
  const apis = (found: readonly { readonly api: string }[]) => [...new Set(found.map(({ api }) => api))].sort();
  assertEquals(apis(await lintBundle(bundle)), ["File", "Worker"]);
  assertEquals(apis(await lintBundle(bundle, { isOwnOnly: true })), ["Worker"]);
});
