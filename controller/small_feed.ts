/** Which feeds had room for more: what comes after one had better share the next than be a feed of its own. */

import type { SealedFeed } from "./sealer.ts";

/** A feed of so many bytes is no small one. */
const SMALL_BYTES_MAX = 256 * 1024;

/** Whether `feed` holds less than half of what feeds may hold, `feedRecordsMax`, and not many bytes either. */
export function isSmall({ batches }: SealedFeed, feedRecordsMax: number): boolean {
  const records = batches.reduce((sum, { count }) => sum + count, 0);
  const bytes = batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
  return records < feedRecordsMax / 2 && bytes < SMALL_BYTES_MAX;
}
