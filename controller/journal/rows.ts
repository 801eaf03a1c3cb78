/** Between the journal's values and the columns that hold them. */

import type { Receipt } from "../../adapters/sink.ts";
import type { StateEntries } from "../../engine/state.ts";
import type { TaskState } from "../sandbox/protocol.ts";
import type { Row } from "./database.ts";
import type { Failure } from "../../engine/failure.ts";
import type { Epoch, FeedEntry, JournaledDeadLetter, Progress, Range } from "./journal.ts";

/** JSON with bigints as strings: offsets stay exact, and the sqlite3 shell can query them. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_name, member) => typeof member === "bigint" ? String(member) : member);
}

/** The columns of a feed but for its task. */
export function feedRow(feed: FeedEntry): Row {
  return {
    seq: feed.seq,
    epoch: Number(feed.epoch),
    ranges: toJson(feed.ranges),
    tick_ms: feed.tickMs ?? null,
    is_end: Number(feed.isEnd),
    is_reborn: Number(feed.isReborn),
    records: feed.records,
    outputs: feed.outputs,
    failures: feed.failures,
    letters: feed.letters,
    now_ms: feed.nowMs,
    is_started: Number(feed.isStarted),
    chain: feed.chain,
    input_digest: feed.inputDigest,
    given_up: feed.givenUp ?? null,
  };
}

interface RangeJson extends Omit<Range, "from" | "to" | "repeats"> {
  readonly from: string;
  readonly to: string;
  readonly repeats?: readonly string[];
}

/** A feed from its columns, and its receipts where it is settled. */
export function feedFrom(row: Row, receipts: Readonly<Record<string, Receipt>> | undefined): FeedEntry {
  const ranges = JSON.parse(String(row.ranges)) as RangeJson[];
  return {
    seq: Number(row.seq),
    epoch: BigInt(Number(row.epoch)),
    ranges: ranges.map(({ from, to, repeats, ...range }): Range => ({
      ...range,
      from: BigInt(from),
      to: BigInt(to),
      ...(repeats ? { repeats: repeats.map(BigInt) } : {}),
    })),
    ...(row.tick_ms === null ? {} : { tickMs: Number(row.tick_ms) }),
    isEnd: row.is_end === 1,
    isReborn: row.is_reborn === 1,
    records: Number(row.records),
    outputs: Number(row.outputs),
    failures: Number(row.failures),
    letters: Number(row.letters),
    nowMs: Number(row.now_ms),
    isStarted: row.is_started === 1,
    chain: row.chain as Uint8Array,
    inputDigest: row.input_digest as Uint8Array,
    ...(row.given_up === null ? {} : { givenUp: String(row.given_up) }),
    ...(receipts ? { receipts } : {}),
  };
}

/** An epoch from its columns. */
export function epochFrom(row: Row): Epoch {
  return {
    epoch: BigInt(Number(row.epoch)),
    openedMs: Number(row.opened_ms),
    codeHash: String(row.code),
    environment: JSON.parse(String(row.environment)),
    config: JSON.parse(String(row.config)),
  };
}

/** The columns of state, timers and their lengths. */
export function stateRow({ state, timers }: TaskState): Row {
  return {
    state: state.text,
    state_lengths: bytesOf(state.lengths),
    timers: timers.text,
    timer_lengths: bytesOf(timers.lengths),
  };
}

/** A dead letter from its columns. */
export function letterFrom(row: Row, task: string, redrivenMs: number | undefined): JournaledDeadLetter {
  // The envelope has no column of its own: journals of version 1 have none.
  const { envelope, ...failure } = JSON.parse(String(row.failure)) as Failure & Pick<JournaledDeadLetter, "envelope">;
  return {
    id: Number(row.id),
    task,
    seq: Number(row.seq),
    range: {
      input: String(row.input),
      stream: String(row.stream),
      partition: String(row.partition),
      offset: BigInt(String(row.record_offset)),
    },
    key: row.record_key as string | null,
    value: row.record_value as Uint8Array | null,
    ...(envelope ? { envelope } : {}),
    failure,
    redrivenMs,
  };
}

/** State and timers from their columns. */
export function stateFrom(row: Row): TaskState {
  return {
    state: entriesFrom(row.state as string, row.state_lengths as Uint8Array),
    timers: entriesFrom(row.timers as string, row.timer_lengths as Uint8Array),
  };
}

function entriesFrom(text: string, lengths: Uint8Array): StateEntries {
  return { text, lengths: new Int32Array(lengths.slice().buffer) };
}

function bytesOf({ buffer, byteOffset, byteLength }: Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Positions by `input/stream/partition`, as JSON. */
export function progressJson(progress: ReadonlyMap<string, Progress>): string {
  return toJson([...progress]);
}

/** Positions from JSON. */
export function progressFrom(json: string): Map<string, Progress> {
  const entries = JSON.parse(json) as [string, { readonly position: string; readonly anchor?: string }][];
  return new Map(entries.map(([key, { position, ...rest }]) => [key, { ...rest, position: BigInt(position) }]));
}

/** What identifies a partition within a task. */
export function partitionKey(
  { input, stream, partition }: { input: string; stream: string; partition: string },
): string {
  return `${input}/${stream}/${partition}`;
}
