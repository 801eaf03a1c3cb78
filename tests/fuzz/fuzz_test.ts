/** Every decoder on what once broke one, or found something new; and on new inputs for a moment (`deno task fuzz`: longer). */

import { assert, assertEquals } from "@std/assert";
import { TARGETS } from "./all_targets.ts";
import { keptOf } from "./corpus.ts";
import { decodeOne, fuzz, type Target } from "./target.ts";

const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? Date.now() % 2 ** 31);
/** As many as take a moment. */
const INPUTS = 3_000;
const LARGE_INPUTS = 150;
const TIME_MS_MAX = 20_000;

for (const target of TARGETS) {
  Deno.test(`${target.name}: right inputs are decoded, and what is wrong is refused by name`, () => {
    console.log(`seed ${SEED}`);
    for (const sample of target.samples) {
      const { signature, defect } = decodeOne(target, new Uint8Array(sample));
      assertEquals(defect, undefined);
      assert(signature.startsWith("finds"), `a right input: ${signature}`);
    }
    const corpus = keptOf(target);
    assertEquals(corpus.map((input) => decodeOne(target, input.slice()).defect).filter((defect) => defect), []);
    const inputsMax = target.isLarge ? LARGE_INPUTS : INPUTS;
    const { findings } = fuzz(target, { seed: SEED, inputsMax, timeMsMax: TIME_MS_MAX, corpus });
    assertEquals(findings.map(({ defect, input }) => `${defect}\ninput ${input.toHex()}`), []);
  });
}

Deno.test("a decoder that breaks is found, and one that takes for ever as well", () => {
  const fragile: Target = {
    name: "fragile",
    samples: [Uint8Array.of(1, 2, 3, 4)],
    decode(bytes) {
      if (bytes[0] === 0) throw new TypeError("Cannot read properties of undefined");
      if (bytes.length < 4) throw new RangeError("too short");
      return "something";
    },
    refusals: /^RangeError: too short/,
  };
  const { findings } = fuzz(fragile, { seed: 1, inputsMax: 5_000, timeMsMax: TIME_MS_MAX, corpus: [] });
  assertEquals(findings.map(({ defect }) => defect.split("\n")[0]), [
    "it throws TypeError: Cannot read properties of undefined",
  ]);
  const slow: Target = { ...fragile, decode: () => (spin(2_100), "something") };
  assertEquals(decodeOne(slow, Uint8Array.of(1)).defect?.slice(0, 8), "it takes");
});

function spin(timeMs: number): void {
  for (const endMs = performance.now() + timeMs; performance.now() < endMs;);
}
