/** Every way to ask for chance: `Math.random`, and the part of `crypto` that libraries use to make ids. */

import type { Random } from "../../../engine/random.ts";
import { ambient, DeterminismError, setMethod } from "./intrinsics.ts";

function random(api: string): Random {
  if (!ambient.isActive) {
    throw new DeterminismError(api, "no record is being processed; await every promise before process() ends");
  }
  return ambient.random();
}

type IntegerArray = Int8Array | Uint8Array | Uint8ClampedArray | Int16Array | Uint16Array | Int32Array | Uint32Array;

const cryptoMethods = {
  randomUUID: (): string => random("crypto.randomUUID()").nextUuid(),
  getRandomValues<T extends IntegerArray>(array: T): T {
    const generator = random("crypto.getRandomValues()");
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let i = 0; i < bytes.length; i++) bytes[i] = generator.nextWord() >>> 24;
    return array;
  },
};

/** Replaces the realm's sources of chance by the generators of the record under way. */
export function installChance(): void {
  const { random: mathRandom } = { random: (): number => random("Math.random()").nextNumber() };
  setMethod(Math, "random", mathRandom);
  Object.defineProperty(cryptoMethods, "subtle", {
    get() {
      throw new DeterminismError("crypto.subtle", "it works outside the realm; call it in an effect");
    },
  });
  Object.defineProperty(globalThis, "crypto", { value: cryptoMethods, enumerable: false });
}
