/** The checks of the house fail when they should. */

import { assertEquals } from "@std/assert";
import { buildWasm, WASM_MODULES } from "../../tools/build_wasm.ts";
import { isAllowed, layerOf } from "../../tools/check_layers.ts";
import { styleFindings } from "../../tools/check_style.ts";

Deno.test("the layer check allows imports towards the engine and no others", () => {
  const may = (from: string, to: string) => isAllowed(layerOf(from)!, layerOf(to));
  assertEquals(may("controller/task.ts", "adapters/source.ts"), true);
  assertEquals(may("controller/task.ts", "adapters/file/source.ts"), false);
  assertEquals(may("adapters/file/sink.ts", "adapters/memory/sink.ts"), false);
  assertEquals(may("adapters/file/sink.ts", "adapters/sink.ts"), true);
  assertEquals(may("engine/state.ts", "formats/json.ts"), false);
  assertEquals(may("formats/json.ts", "engine/codec.ts"), true);
  assertEquals(may("controller/task.ts", "cli/run.ts"), false);
});

Deno.test("the style check names what is too long, impure, unsafe or badly named", () => {
  const findings = (path: string, text: string) => styleFindings(path, `/** A file. */\n${text}`);
  assertEquals(findings("engine/a.ts", "const x = 1;"), []);
  assertEquals(findings("engine/a.ts", "const x = Date.now();").length, 1);
  assertEquals(findings("controller/a.ts", "const x = Date.now();").length, 0);
  assertEquals(findings("controller/a.ts", "const x = y as any;").length, 1);
  assertEquals(findings("controller/utils.ts", "").length, 1);
  assertEquals(findings("controller/a.ts", "console.log(1);").length, 1);
  assertEquals(findings("cli/a.ts", "\n".repeat(401)).length, 1);
  assertEquals(findings("cli/a.ts", `function long(): void {\n${"  call();\n".repeat(70)}}`).length, 1);
  assertEquals(findings("tests/a.ts", "\n".repeat(401)).length, 1);
  assertEquals(findings("cli/a.ts", `export const TABLE: Names = {\n${"  a,\n".repeat(70)}};`), []);
  const wide = "export async function wide(\n  one: number,\n): Promise<void> {\n";
  assertEquals(findings("cli/a.ts", `${wide}${"  call();\n".repeat(70)}}`).length, 1);
});

for (const module of WASM_MODULES) {
  Deno.test(`what is built from ${module.path}.wat is what \`deno task wasm\` gives`, async () => {
    assertEquals(await buildWasm(module), await Deno.readTextFile(`${module.path}_wasm.ts`));
  });
}
