/**
 * PutRecords in order: the next entry of a lane is sent when the one before it is acknowledged.
 *
 * PutRecords writes the entries of a request in no order that it promises, and some may fail; so a request holds one entry
 * of each lane at most, and what failed is what its lane sends next. Other lanes go on meanwhile. A request whose answer is
 * lost is sent again: its entries may then be there twice.
 */

import { type KinesisClient, PutRecordsCommand, type PutRecordsResultEntry } from "@aws-sdk/client-kinesis";
import { isPassing } from "./client.ts";

const PAUSE_MS_FIRST = 50;
const PAUSE_MS_MAX = 5_000;

/** One entry of a request was refused for too long: its shard has as much as it takes, or something is wrong inside. */
export class EntryFailed extends Error {
  override readonly name = "EntryFailed";

  constructor(code: string, message = "") {
    super(`${code}: ${message}`);
  }
}

/** One record to write. */
export interface PutEntry {
  /** Entries of one lane are written in order. */
  readonly lane: string;
  readonly data: Uint8Array;
  readonly key: string;
  /** Decides the shard in place of the key. */
  readonly hashKey?: string;
}

/** What one request may hold. */
export interface PutLimits {
  readonly entriesMax: number;
  /** Data and keys together. */
  readonly bytesMax: number;
  /** How long what passes is tried again, since something worked last. */
  readonly timeMsMax: number;
}

/** Where an entry was written. */
export type Placed<Entry extends PutEntry> = (entry: Entry, shard: string) => void;

/** Writes `entries`; tells where each went. @throws the SDK's exceptions, and what an entry failed with for too long */
export async function putInOrder<Entry extends PutEntry>(
  client: KinesisClient,
  stream: string,
  entries: Iterable<Entry>,
  limits: PutLimits,
  onPlaced: Placed<Entry> = () => {},
): Promise<void> {
  const lanes = new Set<Lane<Entry>>();
  for (const lane of Map.groupBy(entries, ({ lane }) => lane).values()) lanes.add(new Lane(lane, limits.timeMsMax));
  while (lanes.size > 0) {
    const round = roundOf(lanes, limits);
    if (round.length === 0) {
      await untilReady(lanes);
      continue;
    }
    // Those that were not sent come first in the next round, so that no lane waits for ever.
    for (const lane of round) lanes.delete(lane);
    await putRound(client, stream, round, onPlaced);
    for (const lane of round) if (!lane.isEmpty) lanes.add(lane);
  }
}

/** Entries that are written one after the other. */
class Lane<Entry extends PutEntry> {
  readonly #entries: Entry[];
  readonly #timeMsMax: number;
  #pauseMs = PAUSE_MS_FIRST;
  #deadlineMs = Infinity;
  /** When it may be tried again. */
  readyMs = 0;

  constructor(entries: Entry[], timeMsMax: number) {
    // Taken from the end, so that nothing is moved.
    this.#entries = entries.reverse();
    this.#timeMsMax = timeMsMax;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  get next(): Entry {
    return this.#entries[this.#entries.length - 1];
  }

  /** A key has four bytes per code point at most, which is three per code unit. */
  get nextBytes(): number {
    return this.next.data.length + 3 * this.next.key.length;
  }

  succeed(): void {
    this.#entries.pop();
    this.#pauseMs = PAUSE_MS_FIRST;
    this.#deadlineMs = Infinity;
  }

  /** Tries again later; throws `error` when that went on for too long. */
  fail(error: Error): void {
    const nowMs = performance.now();
    this.#deadlineMs = Math.min(this.#deadlineMs, nowMs + this.#timeMsMax);
    if (nowMs > this.#deadlineMs) throw error;
    this.readyMs = nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, PAUSE_MS_MAX);
  }
}

/** As many lanes as fit, of those that may be tried. */
function roundOf<Entry extends PutEntry>(
  lanes: Iterable<Lane<Entry>>,
  { entriesMax, bytesMax }: PutLimits,
): Lane<Entry>[] {
  const nowMs = performance.now();
  const round: Lane<Entry>[] = [];
  let size = 0;
  for (const lane of lanes) {
    if (lane.readyMs > nowMs) continue;
    if (round.length === entriesMax || (round.length > 0 && size + lane.nextBytes > bytesMax)) break;
    round.push(lane);
    size += lane.nextBytes;
  }
  return round;
}

async function untilReady(lanes: Iterable<Lane<PutEntry>>): Promise<void> {
  const readyMs = Math.min(...Array.from(lanes, (lane) => lane.readyMs));
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, readyMs - performance.now())));
}

async function putRound<Entry extends PutEntry>(
  client: KinesisClient,
  stream: string,
  round: readonly Lane<Entry>[],
  onPlaced: Placed<Entry>,
): Promise<void> {
  const Records = round.map(({ next: { data, key, hashKey } }) => ({
    Data: data,
    PartitionKey: key,
    ...(hashKey === undefined ? {} : { ExplicitHashKey: hashKey }),
  }));
  let answers: readonly PutRecordsResultEntry[];
  try {
    answers = (await client.send(new PutRecordsCommand({ StreamName: stream, Records }))).Records ?? [];
  } catch (error) {
    if (!isPassing(error)) throw error;
    // Whether it was written or not: what is there twice is told apart by its id.
    for (const lane of round) lane.fail(error as Error);
    return;
  }
  round.forEach((lane, i) => {
    const { ErrorCode, ErrorMessage, ShardId } = answers[i] ?? { ErrorCode: "NotAnswered" };
    if (ErrorCode !== undefined) return lane.fail(new EntryFailed(ErrorCode, ErrorMessage));
    onPlaced(lane.next, ShardId!);
    lane.succeed();
  });
}
