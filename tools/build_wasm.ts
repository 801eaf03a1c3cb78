/**
 * Assembles what is written in WebAssembly's text format: `deno task wasm`. A test checks that what is there is what this
 * gives.
 */

import { fromFileUrl } from "@std/path";
import openWabt from "wabt";

const SOURCE = fromFileUrl(new URL("../controller/sandbox/json_array.wat", import.meta.url));
const BUILT = fromFileUrl(new URL("../controller/sandbox/json_array_wasm.ts", import.meta.url));

/** The text of the built file. */
export async function buildWasm(): Promise<string> {
  const wabt = await openWabt();
  const module = wabt.parseWat(SOURCE, await Deno.readTextFile(SOURCE), { simd: true });
  try {
    const { buffer } = module.toBinary({});
    return [
      "/** What `json_array.wat` says, as a module; built by `deno task wasm`. */",
      "export const JSON_ARRAY_WASM: string =",
      `  "${buffer.toBase64()}";`,
      "",
    ].join("\n");
  } finally {
    module.destroy();
  }
}

if (import.meta.main) await Deno.writeTextFile(BUILT, await buildWasm());
