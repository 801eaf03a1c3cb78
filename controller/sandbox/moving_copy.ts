/**
 * A feed that moves to another thread as a copy: the controller goes on reading its own, for digests and the journal.
 *
 * What is copied here once would else be copied twice, into the message and out of it again, the second time by the
 * sandbox, which is the busier side; and of a view into a larger buffer all of the buffer.
 */

import type { PackedFeed } from "../../engine/feed.ts";

/** A feed, and the buffers that go with it. */
export interface MovingFeed {
  readonly feed: PackedFeed;
  readonly buffers: readonly ArrayBuffer[];
}

/** Copies all columns of `feed`. */
export function movingCopy(feed: PackedFeed): MovingFeed {
  const buffers: ArrayBuffer[] = [];
  const batches = feed.batches.map((batch) => {
    const copy = copyColumns(batch, buffers);
    return batch.headers ? { ...copy, headers: copyColumns(batch.headers, buffers) } : copy;
  });
  return { feed: { ...feed, batches, segments: copyColumns(feed.segments, buffers) }, buffers };
}

function copyColumns<Columns extends object>(columns: Columns, buffers: ArrayBuffer[]): Columns {
  const entries = Object.entries(columns).map(([name, column]) => {
    if (!isColumn(column)) return [name, column];
    const copy = column.slice();
    buffers.push(copy.buffer);
    return [name, copy];
  });
  return Object.fromEntries(entries) as Columns;
}

function isColumn(value: unknown): value is Uint8Array<ArrayBuffer> {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}
