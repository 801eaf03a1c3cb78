/** Fills a state from keys and values that are parts of large texts; prints what the heap holds on to, in megabytes. */

import { KeyedState, type StateEntries } from "../../engine/state.ts";
import { TimerQueue } from "../../engine/timers.ts";
import { Trace } from "../../engine/trace.ts";

const TEXTS = 200;
const TEXT_BYTES = 1 << 20;

/** A text of a megabyte as it is decoded: in one piece, and not made of others. */
function large(start: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(start.padEnd(TEXT_BYTES, "x")));
}

/** A part of a copied state: one small entry, and a large one that is overwritten later. */
function copied(key: string, i: number): StateEntries {
  const json = `{"an object":${i}}`;
  const rest = large('"');
  const text = large(`${key}${json}rest${rest}`).slice(0, TEXT_BYTES - 1) + '"';
  return { text, lengths: Int32Array.of(key.length, json.length, 4, text.length - key.length - json.length - 4) };
}

const state = new KeyedState();
const trace = new Trace();
const timers = new TimerQueue(trace);
for (let i = 0; i < TEXTS; i++) {
  const part = large(`${i} is part of a text`).slice(0, 20);
  state.set(part, 0);
  state.set(`text ${i}`, part);
  timers.set(part, i);
  state.restore(copied(`restored ${i}`, i));
  state.keep();
  timers.keep();
  trace.take();
  state.takeChanges();
  timers.takeChanges();
}
(globalThis as unknown as { readonly gc: () => void }).gc();
console.log(Math.round(Deno.memoryUsage().heapUsed / 1_000_000), state.size);
