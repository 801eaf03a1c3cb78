/**
 * Assembles what is written in WebAssembly's text format: `deno task wasm`. A test checks that what is there is what this
 * gives.
 */

import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import openWabt from "wabt";

/** A module and where it lies, without the endings of its files. */
export const WASM_MODULES: readonly { readonly path: string; readonly name: string }[] = [
  { path: "controller/digest_units", name: "DIGEST_UNITS_WASM" },
  { path: "controller/sandbox/json_array", name: "JSON_ARRAY_WASM" },
];

/** The text of the built file of a module. */
export async function buildWasm({ path, name }: typeof WASM_MODULES[number]): Promise<string> {
  const wabt = await openWabt();
  const source = `${path}.wat`;
  const module = wabt.parseWat(source, await Deno.readTextFile(fileOf(source)), { simd: true });
  try {
    const { buffer } = module.toBinary({});
    return [
      `/** What \`${basename(source)}\` says, as a module; built by \`deno task wasm\`. */`,
      `export const ${name}: string =`,
      `  "${buffer.toBase64()}";`,
      "",
    ].join("\n");
  } finally {
    module.destroy();
  }
}

function fileOf(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

if (import.meta.main) {
  for (const module of WASM_MODULES) {
    await Deno.writeTextFile(fileOf(`${module.path}_wasm.ts`), await buildWasm(module));
  }
}
