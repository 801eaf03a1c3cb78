/** A record that broke its sandbox: as a failure, and as a feed in which nothing else happened. */

import { Digest } from "../engine/digest.ts";
import { packFeed } from "../engine/feed.ts";
import type { PackedOutputs } from "../engine/output.ts";
import type { StateEntries } from "../engine/state.ts";
import { TRACE } from "../engine/trace.ts";
import type { PendingFeed } from "./committer.ts";
import type { DigestedFed, RealmBroken } from "./realm.ts";
import { digestFeed } from "./digests.ts";
import type { RecordFailure } from "./feed_record.ts";

const NO_CHANGES: StateEntries = { text: "", lengths: new Int32Array(0) };

/** The outputs of a feed that emitted nothing. Each feed has its own: they are given back with it (release.ts). */
export function noOutputs(): PackedOutputs {
  return {
    count: 0,
    values: new Uint8Array(0),
    keys: new Uint8Array(0),
    valueLengths: new Int32Array(0),
    keyLengths: new Int32Array(0),
    timesMs: new Float64Array(0),
    names: new Int32Array(0),
    isSingleLine: true,
  };
}

/** The break of a sandbox as a failure of the record that was alone in it. */
export function failureOf({ sealed }: PendingFeed, { code, message }: RealmBroken): RecordFailure {
  const name = code === "E_RECORD_TIMEOUT" ? "TimeoutError" : "SandboxError";
  const failure = { kind: "record", record: 0, name, message, stack: "", code } as const;
  const [batch] = sealed.batches;
  const [range] = sealed.ranges;
  const isAtHand = batch !== undefined && batch.count === 1 && batch.bytes.buffer.byteLength > 0;
  return isAtHand ? { ...failure, batch, input: range.input } : failure;
}

/** What a feed of one record did when the record did nothing but fail. */
export function failedFed(
  { seq, sealed }: PendingFeed,
  failure: RecordFailure,
  before: { readonly chain: Uint8Array; readonly nowMs: number; readonly isStarted: boolean },
): DigestedFed {
  const chain = Digest.fromBytes(before.chain);
  const trace = {
    text: [failure.name + (failure.code ?? "")],
    kinds: Int32Array.of(TRACE.error),
    subjectLengths: Int32Array.of(failure.name.length),
    detailLengths: Int32Array.of(failure.code?.length ?? 0),
  };
  const units = { records: Int32Array.of(0), outputEnds: Int32Array.of(0), traceEnds: Int32Array.of(1) };
  const feed = { seq, batches: sealed.batches, segments: sealed.segments };
  const outputs = noOutputs();
  const digests = digestFeed(packFeed(feed), { units, trace, outputs, changes: NO_CHANGES }, chain);
  return {
    ...digests,
    units,
    trace,
    records: 1,
    isHalted: false,
    nowMs: before.nowMs,
    isStarted: before.isStarted,
    nextTimerMs: undefined,
    outputs,
    changes: NO_CHANGES,
    timerChanges: NO_CHANGES,
    failures: [failure],
    logs: [],
    logsDropped: 0,
    chain: chain.toBytes(),
  };
}
