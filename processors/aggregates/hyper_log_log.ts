/**
 * `distinctApproximately`: how many different values there are, within about 1.6 %, in 4 KB however many they are.
 *
 * HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007) with 4,096 registers and linear counting for few values. Few
 * registers are kept as a list, many as text with a character each: state is JSON. docs/decisions/0015 says why it is
 * no library.
 */

import { type Aggregate, aggregate } from "./aggregate.ts";
import { isAbsent } from "./count.ts";

const INDEX_BITS = 12;
const REGISTERS = 1 << INDEX_BITS;
/** The bits of the hash that are not the index. */
const RANK_BITS = 52;
const LISTED_MAX = 256;
const ZERO = 48;

/** Register → rank as pairs, or a character per register. */
type Registers = (readonly [register: number, rank: number])[] | string;

/** See the module. */
export function distinctApproximately<In>(
  of: (value: In) => string | number | boolean | null | undefined,
): Aggregate<In, number> {
  return aggregate<In, number, Registers>({
    kind: "distinct",
    create: () => [],
    add(state, value) {
      const found = of(value);
      return isAbsent(found) ? state : raise(state, ...place(`${typeof found}:${found}`));
    },
    merge: (a, b) => ranksOf(b).reduce((merged, [register, rank]) => raise(merged, register, rank), a),
    result: estimate,
  });
}

function raise(state: Registers, register: number, rank: number): Registers {
  if (typeof state === "string") {
    if (state.charCodeAt(register) - ZERO >= rank) return state;
    return state.slice(0, register) + String.fromCharCode(ZERO + rank) + state.slice(register + 1);
  }
  const at = state.findIndex(([each]) => each === register);
  if (at >= 0) {
    if (state[at][1] < rank) state[at] = [register, rank];
    return state;
  }
  state.push([register, rank]);
  return state.length <= LISTED_MAX ? state : asText(state);
}

function asText(ranks: readonly (readonly [number, number])[]): string {
  const codes = new Array<number>(REGISTERS).fill(ZERO);
  for (const [register, rank] of ranks) codes[register] = ZERO + rank;
  return String.fromCharCode(...codes);
}

function ranksOf(state: Registers): readonly (readonly [register: number, rank: number])[] {
  if (typeof state !== "string") return state;
  return Array.from(state, (character, register) => [register, character.charCodeAt(0) - ZERO] as const)
    .filter(([, rank]) => rank > 0);
}

function estimate(state: Registers): number {
  const ranks = ranksOf(state);
  const empty = REGISTERS - ranks.length;
  const harmonic = ranks.reduce((sum, [, rank]) => sum + 2 ** -rank, empty);
  const raw = 0.7213 / (1 + 1.079 / REGISTERS) * REGISTERS * REGISTERS / harmonic;
  const isFew = raw <= 2.5 * REGISTERS && empty > 0;
  return Math.round(isFew ? REGISTERS * Math.log(REGISTERS / empty) : raw);
}

function place(text: string): readonly [register: number, rank: number] {
  const [low, high] = hash(text);
  const register = low & (REGISTERS - 1);
  // How many zeros lead, in the 52 bits above the index: 32 of `high`, then 20 of `low`.
  const zeros = high !== 0
    ? Math.clz32(high)
    : 32 + Math.min(RANK_BITS - 32, Math.clz32(low >>> INDEX_BITS) - INDEX_BITS);
  return [register, zeros + 1];
}

/** 64 bits of a text: two multiplicative hashes, mixed as MurmurHash3 ends (Appleby). */
function hash(text: string): readonly [low: number, high: number] {
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul(b ^ unit, 0x5f356495);
  }
  return [mix(a ^ (b >>> 15)), mix(b ^ (a >>> 13))];
}

function mix(bits: number): number {
  let mixed = bits;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
