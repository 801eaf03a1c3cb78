/**
 * Gives back the memory of what is done with.
 *
 * V8 looks for garbage when its own heap grows; buffers lie outside of it, so the packed columns of a hundred finished
 * feeds would pile up before it looks (5,000,000 records: 390 MB instead of 320). Whoever was handed a batch or outputs
 * must not keep them (see the ports).
 */

import type { Batch } from "../engine/batch.ts";
import type { DigestedFed } from "./realm.ts";
import { detachFirst } from "./sandbox/first_detach.ts";

detachFirst();

/** Ends the life of a feed's records and of what it did; lengths are 0 from here on. */
export function releaseFeed(batches: readonly Batch[], fed: DigestedFed): void {
  for (const batch of batches) for (const columns of [batch, batch.headers ?? {}]) releaseColumns(columns);
  for (const columns of [fed.outputs, fed.outputs.extras ?? {}, fed.units, fed.trace]) releaseColumns(columns);
  release(fed.unitDigests);
}

function releaseColumns(columns: object): void {
  for (const column of Object.values(columns)) if (ArrayBuffer.isView(column)) release(column);
}

function release({ buffer }: ArrayBufferView): void {
  if (!(buffer instanceof ArrayBuffer) || buffer.detached) return;
  try {
    buffer.transfer(0);
  } catch {
    // What came over a pipe are views into a buffer that cannot be taken apart; the collector finds it.
  }
}
