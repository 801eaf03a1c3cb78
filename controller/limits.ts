/** Every limit of the controller, by name (I8). */

import type { Sink } from "../adapters/sink.ts";

/** Limits of a run. */
export interface Limits {
  /** Records in one feed. */
  readonly feedRecordsMax: number;
  /** Payload bytes in one feed; a longer record is a feed of its own. */
  readonly feedBytesMax: number;
  /** How long records wait for others to share their feed. */
  readonly lingerMs: number;
  /** Feeds of one task between sealing and commit. */
  readonly feedsInFlightMax: number;
  /** Full feeds of all tasks together between sealing and commit; smaller ones count for what they hold. */
  readonly feedsTogetherMax: number;
  /** How long one record may run. */
  readonly recordTimeMsMax: number;
  /** How long a sandbox may be silent beyond that before it counts as hung. */
  readonly sandboxGraceMs: number;
  /** How many feeds pass between two snapshots at least. */
  readonly snapshotFeedsMin: number;
  /** Entries copied into a snapshot per feed. */
  readonly snapshotEntriesPerFeed: number;
  /** How often sources are asked for new partitions. */
  readonly partitionCheckMs: number;
  /** How long a sink that cannot be reached is tried again. */
  readonly sinkOutageMsMax: number;
}

/** What is used unless told otherwise. */
export const DEFAULT_LIMITS: Limits = {
  feedRecordsMax: 10_000,
  feedBytesMax: 4 * 1024 * 1024,
  lingerMs: 0,
  feedsInFlightMax: 3,
  feedsTogetherMax: 4,
  recordTimeMsMax: 10_000,
  sandboxGraceMs: 10_000,
  snapshotFeedsMin: 256,
  snapshotEntriesPerFeed: 20_000,
  partitionCheckMs: 30_000,
  sinkOutageMsMax: 300_000,
};

/** `limits`, with feeds no larger than every one of `sinks` wants them. */
export function limitsFor(limits: Limits, sinks: readonly Sink[]): Limits {
  const wanted = sinks.flatMap(({ feedLimit }) => feedLimit ? [feedLimit] : []);
  return {
    ...limits,
    feedRecordsMax: Math.min(limits.feedRecordsMax, ...wanted.map(({ recordsMax }) => recordsMax)),
    feedBytesMax: Math.min(limits.feedBytesMax, ...wanted.map(({ bytesMax }) => bytesMax)),
  };
}
