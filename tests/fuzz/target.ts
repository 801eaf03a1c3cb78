/** A decoder under fuzz, and what may be said of a run of it. */

import { Mutator } from "./mutator.ts";

/** See the module. */
export interface Target {
  readonly name: string;
  /** Inputs that are right. */
  readonly samples: readonly Uint8Array[];
  /**
   * Decodes; answers something that tells what was found, in few words: inputs that find something new are kept.
   *
   * @throws one of `refusals`, for an input that is wrong
   */
  decode(input: Uint8Array<ArrayBuffer>): string;
  /** The names, or the names and messages, of errors by which a decoder says that an input is wrong. */
  readonly refusals: RegExp;
  /** Inputs of hundreds of kilobytes, which are no good corpus, and of which fewer are tried. */
  readonly isLarge?: boolean;
  /** Makes checksums right again. */
  repair?(input: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
}

/** What a decoder made of an input. */
export interface Found {
  /** Inputs with the same one found the same. */
  readonly signature: string;
  /** Set when it is a defect. */
  readonly defect: string | undefined;
}

/** Longer than this no small input may take. */
const DECODE_MS_MAX = 2_000;

/** Runs a decoder on one input. */
export function decodeOne(target: Target, input: Uint8Array<ArrayBuffer>): Found {
  const startMs = performance.now();
  let signature: string;
  let defect: string | undefined;
  try {
    signature = `finds ${target.decode(input)}`;
  } catch (error) {
    const { name, message } = error as Error;
    signature = `refuses: ${name} ${placeOf(error as Error)} ${beginningOf(message)}`;
    if (!(error instanceof Error) || !target.refusals.test(`${name}: ${message}`)) {
      defect = `it throws ${name}: ${message}\n${(error as Error).stack ?? ""}`;
    }
  }
  const tookMs = performance.now() - startMs;
  if (tookMs > DECODE_MS_MAX) defect ??= `it takes ${Math.round(tookMs)} ms`;
  return { signature, defect };
}

/** The first words, behind a place in a file: later ones often are the input's. */
function beginningOf(message: string): string {
  return message.replace(/^\S+:\d+:\d+: /, "").split(" ", 2).join(" ").replace(/[^A-Za-z ]/g, "");
}

/** Where it was thrown: what messages say of an input is never the same. */
function placeOf({ stack = "" }: Error): string {
  return /\((?:file:.*\/)?([^/]+:\d+):\d+\)/.exec(stack)?.[1] ?? "";
}

/** A finding. */
export interface Finding {
  readonly input: Uint8Array<ArrayBuffer>;
  readonly defect: string;
}

/** What fuzzing for a while came to. */
export interface Fuzzed {
  readonly inputs: number;
  readonly findings: readonly Finding[];
  /** Inputs that found something new, each with what it found. */
  readonly news: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/** What limits fuzzing. */
export interface FuzzOptions {
  readonly seed: number;
  readonly inputsMax: number;
  readonly timeMsMax: number;
  /** Inputs that were kept of earlier times. */
  readonly corpus: readonly Uint8Array[];
}

const FINDINGS_MAX = 5;
const INPUT_BYTES_MAX = 4096;

/** Fuzzes a decoder until a limit is reached. */
export function fuzz(target: Target, { seed, inputsMax, timeMsMax, corpus }: FuzzOptions): Fuzzed {
  const mutator = new Mutator(seed);
  const pool = [...target.samples, ...corpus];
  const seen = new Set(pool.map((input) => decodeOne(target, new Uint8Array(input)).signature));
  const news = new Map<string, Uint8Array<ArrayBuffer>>();
  const findings = new Map<string, Finding>();
  const endMs = performance.now() + timeMsMax;
  let inputs = 0;
  for (; inputs < inputsMax && performance.now() < endMs && findings.size < FINDINGS_MAX; inputs++) {
    const mutated = mutator.mutate(mutator.pick(pool), pool, target.isLarge ? Infinity : INPUT_BYTES_MAX);
    // Now and then what is damaged stays so.
    const input = target.repair && mutator.below(8) > 0 ? target.repair(mutated) : mutated;
    const { signature, defect } = decodeOne(target, input.slice());
    if (defect !== undefined) findings.set(signature, findings.get(signature) ?? { input, defect });
    else if (!seen.has(signature)) {
      seen.add(signature);
      news.set(signature, input);
      if (!target.isLarge) pool.push(input);
    }
  }
  return { inputs, findings: [...findings.values()], news };
}
