/** How far a reader is behind in a shard: a time, since offsets do not count records. */

import type { KinesisClient } from "@aws-sdk/client-kinesis";
import { offsetAt } from "../../engine/batch.ts";
import { openIterator, type ShardPlace } from "./iterators.ts";
import { getRecords } from "./packed_pages.ts";
import { placeOf } from "./position.ts";

/** The record that was read last, and the first that was not. */
const RECORDS = 2;

/** How long the first record behind `position` has been there, 0 at the end; undefined when that cannot be known. */
export async function behindMs(
  shard: ShardPlace & { readonly pages: KinesisClient },
  position: bigint,
): Promise<number | undefined> {
  const place = placeOf(position);
  if (place.kind === "end") return 0;
  const iterator = await openIterator(shard, place);
  if (iterator === undefined) return undefined;
  const { batch, firstSequence, millisBehindLatest } = await getRecords(shard.pages, iterator, {
    recordsMax: RECORDS,
    takesIds: false,
  });
  if (place.kind === "record" && firstSequence !== undefined && firstSequence !== place.sequence) return undefined;
  for (let row = 0; row < batch.count; row++) {
    if (offsetAt(batch, row) >= position) return Math.max(0, Date.now() - batch.eventTimesMs![row]);
  }
  return millisBehindLatest;
}
