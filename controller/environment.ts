/**
 * A fingerprint of what may change results besides code and inputs.
 *
 * Math functions differ between builds of V8 in the last bit, so a probe of them says more than a version number
 * (reference/determinism.md, 1.3). A replay compares fingerprints before it blames the code.
 */

import process from "node:process";
import { Digest, toHex } from "../engine/digest.ts";

const FUNCTIONS = ["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "exp", "expm1"]
  .concat(["log", "log2", "log10", "log1p", "cbrt", "sqrt", "asinh", "acosh", "atanh"]);
const PROBES = 32;

/** Name → value of everything in the fingerprint. */
export function environmentFingerprint(): Readonly<Record<string, string>> {
  const { icu, tz, unicode } = process.versions as Record<string, string | undefined>;
  return {
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    icu: icu ?? "",
    tz: tz ?? "",
    unicode: unicode ?? "",
    platform: `${Deno.build.os}-${Deno.build.arch}`,
    math: mathProbe(),
  };
}

function mathProbe(): string {
  const digest = new Digest();
  const numbers = new Float64Array(1);
  const words = new Int32Array(numbers.buffer);
  const table = Math as unknown as Readonly<Record<string, (x: number) => number>>;
  for (let i = 1; i <= PROBES; i++) {
    for (const name of FUNCTIONS) {
      numbers[0] = table[name](i / (PROBES + 1));
      // NaN has many bit patterns, and which one appears may change from call to call.
      if (!Number.isNaN(numbers[0])) digest.updateWords(words[0], words[1], i, 0);
    }
    numbers[0] = Math.pow(i / 7, i / 5);
    digest.updateWords(words[0], words[1], i, 1);
  }
  return toHex(digest.toBytes());
}
