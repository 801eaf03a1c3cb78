/**
 * The WebAssembly module that digests a feed (digest_units.wat), and its memory, in which columns lie one after the other
 * from where they are wanted to where they are not.
 *
 * Nothing outlives a feed there. A module whose memory had to become large for one feed is given up with it: its memory
 * cannot become smaller.
 */

import { DIGEST_UNITS_WASM } from "./digest_units_wasm.ts";

/** The passes over a feed; addresses and counts. See digest_units.wat. */
export interface DigestPasses {
  readonly memory: WebAssembly.Memory;
  records(segmentCount: number, segments: number, batches: number, digests: number): void;
  units(count: number, units: number, records: number, digests: number, input: number): void;
  outputs(count: number, units: number, ends: number, ...columns: readonly number[]): void;
  /** Answers how long the longest key is. */
  starts(count: number, lengths: number, at: number, starts: number): number;
  trace(count: number, units: number, ends: number, ...columns: readonly number[]): void;
  chain(count: number, units: number, chain: number, to: number): void;
}

/** What is put into the memory. */
export type Column = Uint8Array | Int32Array | Uint32Array | Float64Array;

const PAGE_BYTES = 1 << 16;
/** No column begins within a block of the one before. */
const BLOCK_BYTES = 16;
/** Several times what a feed of the usual limits needs. */
const KEPT_BYTES_MAX = 1 << 25;

const module = new WebAssembly.Module(Uint8Array.fromBase64(DIGEST_UNITS_WASM));
const encoder = new TextEncoder();
let kept: DigestMemory | undefined;

/** See the module. */
export class DigestMemory {
  readonly passes: DigestPasses;
  #bytes: Uint8Array;
  /** Where the next column goes. */
  end = 0;

  constructor() {
    const host = { write: (value: number, at: number) => at + this.#write(String(value), at) };
    this.passes = new WebAssembly.Instance(module, { host }).exports as unknown as DigestPasses;
    this.#bytes = new Uint8Array(this.passes.memory.buffer);
  }

  /** Room for so many bytes; what is in it is what was there before. */
  take(length: number): number {
    const at = this.end;
    this.end = Math.ceil((at + length) / BLOCK_BYTES) * BLOCK_BYTES;
    // Blocks are read as a whole, so that there is one more behind the last.
    const missing = this.end + BLOCK_BYTES - this.#bytes.length;
    if (missing > 0) {
      this.passes.memory.grow(Math.ceil(missing / PAGE_BYTES));
      this.#bytes = new Uint8Array(this.passes.memory.buffer);
    }
    return at;
  }

  /** Copies a column; answers where it is. */
  put(column: Column): number {
    const at = this.take(column.byteLength);
    this.#bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at);
    return at;
  }

  /** A copy of so many bytes. */
  copy(at: number, length: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(at, at + length);
  }

  get isLarge(): boolean {
    return this.#bytes.length > KEPT_BYTES_MAX;
  }

  #write(text: string, at: number): number {
    return encoder.encodeInto(text, this.#bytes.subarray(at)).written;
  }
}

/** Lends `use` a memory in which nothing is. */
export function withDigestMemory<T>(use: (memory: DigestMemory) => T): T {
  const memory = kept ?? new DigestMemory();
  kept = undefined;
  memory.end = 0;
  const result = use(memory);
  if (!memory.isLarge) kept = memory;
  return result;
}
