/** The command that commits a feed, framed once. */

import type { Commit } from "../sink.ts";
import { encodeOutputs } from "./outputs_encoder.ts";
import { encodeWords, type Word } from "./protocol/resp.ts";
import type { Targets } from "./targets.ts";

/** What the script needs to know besides the feed. */
export interface CommitHead {
  /** The digest of the script, by which the server knows it. */
  readonly sha: string;
  readonly checkpointKey: string;
  readonly owner: string;
}

/**
 * See `COMMIT` in `scripts.ts`.
 *
 * @throws {SinkError} for an output that cannot become what its target holds
 */
export function encodeCommit(head: CommitHead, commit: Commit, targets: Targets): Uint8Array<ArrayBuffer> {
  const { seq, epoch, digest, outputs } = commit;
  const { words, bytes, firstIds } = encodeOutputs(commit, targets);
  const timeMs = timeOf(outputs.timesMs);
  const keys = [head.checkpointKey, ...targets.keys];
  const state = [head.owner, seq, epoch, digest.toHex(), positionsOf(commit), timeMs, targets.count];
  const first: Word[] = ["EVALSHA", head.sha, keys.length, ...keys, ...state, ...targets.words(timeMs, firstIds)];
  const start = encodeWords(first, first.length + words);
  const command = new Uint8Array(start.length + bytes.length);
  command.set(start);
  command.set(bytes, start.length);
  return command;
}

/** The time of a feed: that of its latest output. */
function timeOf(timesMs: Float64Array): number {
  let latestMs = 0;
  for (const timeMs of timesMs) if (timeMs > latestMs) latestMs = timeMs;
  return Math.floor(latestMs);
}

/** As people find them in the checkpoint. */
function positionsOf({ positions }: Commit): string {
  return JSON.stringify(
    Object.fromEntries(
      positions.map(({ stream, partition, position }) => [`${stream}/${partition}`, String(position)]),
    ),
  );
}
