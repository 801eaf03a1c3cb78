/**
 * Feeds and states as a task store keeps them: JSON, with bytes in base64. What a process wrote, another one of a later
 * version reads (I10): `version` changes with the meaning of anything in it.
 */

import type { Row } from "../journal/database.ts";
import type {
  Epoch,
  FeedEntry,
  JournaledEffect,
  JournaledFeed,
  PreparedFeed,
  Progress,
  TaskJournal,
} from "../journal/journal.ts";
import { feedFrom, feedRow, progressFrom, progressJson, stateFrom, stateRow } from "../journal/rows.ts";
import type { TaskState } from "../sandbox/protocol.ts";

/** Who ran a feed: an epoch of another journal, whose number means nothing here. */
export type FeedOwner = Omit<Epoch, "epoch">;

/** A feed as it was stored. */
export interface StoredFeed extends JournaledFeed {
  readonly owner: FeedOwner;
}

/** Where a task stood: the feed before, unless it is its beginning, and the state after it. */
export interface StoredBase {
  readonly before: FeedEntry | undefined;
  readonly owner: FeedOwner | undefined;
  readonly state: readonly TaskState[];
  readonly progress: ReadonlyMap<string, Progress>;
}

const VERSION = 1;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface FeedJson {
  readonly version: typeof VERSION;
  readonly feed: Row;
  readonly owner: FeedOwner;
  readonly digests: Uint8Array;
  readonly changes: Row;
  readonly effects: readonly JournaledEffect[];
  readonly progress: string;
}

interface BaseJson {
  readonly version: typeof VERSION;
  readonly feed?: Row;
  readonly owner?: FeedOwner;
  readonly state: readonly Row[];
  readonly progress: string;
}

/** Packs a feed of `taskJournal`; dead letters and captured inputs stay where they came up. */
export function packFeed(
  feed: PreparedFeed,
  progress: ReadonlyMap<string, Progress>,
  effects: readonly JournaledEffect[],
  owner: FeedOwner,
): Uint8Array {
  const { buffer, byteOffset, byteLength } = feed.unitDigests;
  return toBytes({
    version: VERSION,
    feed: feedRow({ ...feed, letters: 0 }),
    owner,
    digests: new Uint8Array(buffer, byteOffset, byteLength),
    changes: stateRow(feed.changes),
    effects,
    progress: progressJson(progress),
  });
}

/** What {@linkcode packFeed} made. */
export function unpackFeed(bytes: Uint8Array): StoredFeed {
  const { feed, owner, digests, changes, effects, progress } = fromBytes<FeedJson>(bytes);
  return {
    owner,
    effects,
    progress: progressFrom(progress),
    feed: {
      ...feedFrom(feed, undefined),
      unitDigests: new Uint32Array(digests.slice().buffer),
      changes: stateFrom(changes),
      deadLetters: [],
      captured: undefined,
      snapshotPart: undefined,
    },
  };
}

/** Where a task stands after feed `seq`, which its journal has; -1 for what it began with. */
export function baseOf(taskJournal: TaskJournal, seq: number, progress: ReadonlyMap<string, Progress>): StoredBase {
  const [before] = taskJournal.feeds(seq, seq + 1);
  const epoch = before && taskJournal.epochs().find((each) => each.epoch === before.epoch);
  const { epoch: _, ...owner } = epoch ?? { epoch: 0n };
  const state = [...taskJournal.stateBefore(seq + 1)];
  return { before, owner: epoch && owner as FeedOwner, state, progress };
}

/** Packs where a task stands. */
export function packBase({ before, owner, state, progress }: StoredBase): Uint8Array {
  return toBytes({
    version: VERSION,
    ...(before ? { feed: feedRow({ ...before, letters: 0 }) } : {}),
    ...(owner ? { owner } : {}),
    state: state.map(stateRow),
    progress: progressJson(progress),
  });
}

/** What {@linkcode packBase} made. */
export function unpackBase(bytes: Uint8Array): StoredBase {
  const { feed, owner, state, progress } = fromBytes<BaseJson>(bytes);
  return {
    before: feed && feedFrom(feed, undefined),
    owner,
    state: state.map(stateFrom),
    progress: progressFrom(progress),
  };
}

const BYTES = "$bytes";

function toBytes(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value, (_name, member) => {
    return member instanceof Uint8Array ? { [BYTES]: member.toBase64() } : member;
  }));
}

function fromBytes<T extends { readonly version: number }>(bytes: Uint8Array): T {
  const value = JSON.parse(decoder.decode(bytes), (_name, member) => {
    return typeof member === "object" && member !== null && BYTES in member
      ? Uint8Array.fromBase64(member[BYTES])
      : member;
  }) as T;
  if (value.version !== VERSION) {
    throw new Error(
      `Cannot read what is stored of a task: it has version ${value.version}, this Sluice knows ${VERSION}`,
    );
  }
  return value;
}
