/**
 * A realm that recorded feeds go through once more, with their recorded times and effects.
 *
 * - A feed that follows the last one is run where the realm stands; before any other a fresh realm is opened, with the
 *   state that the journal has. That is what the live realm had, unless modules keep state in variables: those need the
 *   feeds since their realm's birth.
 * - The recorded code is reborn where the live realm was, with the recorded state. Other code is reborn there as well, but
 *   with its own: what it does differently lasts.
 */

import type { Feed } from "../../engine/feed.ts";
import { answerFrom, type EffectAnswerer } from "../effects.ts";
import type { Epoch, FeedEntry, JournaledCode } from "../journal/journal.ts";
import { type DigestedFed, Realm } from "../realm.ts";
import { chainAfter, realmOptions } from "../realm_options.ts";
import type { TaskState } from "../sandbox/protocol.ts";
import type { ProcessorInfo } from "../sandbox/realm/guest.ts";
import { recordedEffects } from "./halted.ts";
import { loadRecordedFeed } from "./recorded_feed.ts";
import type { Recording } from "./recording.ts";

/** How to run recorded feeds. */
export interface RecordedRealmOptions {
  /** Tells realms of one sandbox apart. */
  readonly role: string;
  /** Other code than the recorded. */
  readonly code?: JournaledCode;
  /** Other answers to effects than the recorded. */
  readonly answer?: EffectAnswerer;
  /** Whether to note which keys of the state each unit looks at. */
  readonly notesReads?: boolean;
}

/** A feed that is being processed. */
export interface StartedFeed {
  readonly entry: FeedEntry;
  readonly feed: Feed;
  readonly fed: Promise<DigestedFed>;
  /** What its code says of itself. */
  readonly info: ProcessorInfo;
  /** The realm was opened where the live one was born. */
  readonly isFromBirth: boolean;
}

/** See the module. */
export class RecordedRealm {
  readonly #recording: Recording;
  readonly #options: RecordedRealmOptions;
  #realm: Realm | undefined;
  /** The feed that the realm stands before. */
  #next = -1;
  #isFromBirth = false;

  constructor(recording: Recording, options: RecordedRealmOptions) {
    this.#recording = recording;
    this.#options = options;
  }

  /**
   * Hands the feed of `entry` to the realm; answers undefined for one that nothing was processed in. The feeds before it
   * may still be under way.
   *
   * @throws {InputsChanged} when its records cannot be had any more
   */
  async start(entry: FeedEntry): Promise<StartedFeed | undefined> {
    if (entry.givenUp !== undefined) {
      // Its record killed its sandbox, or nothing was fed at all; the next feed found a fresh realm.
      this.#next = -1;
      return undefined;
    }
    const { taskJournal, sources } = this.#recording;
    const loaded = await loadRecordedFeed(entry, taskJournal, sources);
    // Other code may set other timers.
    const feed = this.#options.code ? loaded : { ...loaded, unitsMin: taskJournal.unitDigests(entry.seq).length };
    const realm = await this.#realmBefore(entry);
    return { ...this.#process(realm, feed), entry };
  }

  /** Runs the feed of `entry` to its end. */
  async run(entry: FeedEntry): Promise<RanFeed | undefined> {
    const started = await this.start(entry);
    return started && { ...started, fed: await started.fed };
  }

  /** Runs a feed that comes behind the last one that was recorded. */
  async runBehindLast(feed: Feed): Promise<RanFeed> {
    const entry = behindLast(this.#recording, feed.seq);
    const started = this.#process(await this.#realmBefore(entry), feed);
    return { ...started, entry, fed: await started.fed };
  }

  #process(realm: Realm, feed: Feed): Omit<StartedFeed, "entry"> {
    this.#next = feed.seq + 1;
    const fed = realm.process(feed);
    // They are awaited in order; an earlier one that fails must not leave these unhandled.
    fed.catch(() => {});
    return { feed, fed, info: realm.info, isFromBirth: this.#isFromBirth };
  }

  /** The state and timers after the last feed, all of them. */
  copy(): Promise<TaskState> {
    return this.#realm!.copy({ entriesMax: Infinity, isFirst: true });
  }

  async close(): Promise<void> {
    await this.#realm?.close();
    this.#realm = undefined;
    this.#next = -1;
  }

  async #realmBefore(entry: FeedEntry): Promise<Realm> {
    const follows = this.#realm !== undefined && entry.seq === this.#next;
    if (follows && !entry.isReborn) return this.#realm!;
    if (follows && this.#options.code) {
      await this.#realm!.rebirth();
      return this.#realm!;
    }
    await this.close();
    this.#isFromBirth = entry.isReborn || entry.seq === this.#recording.taskJournal.firstReplayable();
    return this.#realm = await this.#open(entry);
  }

  #open(entry: FeedEntry): Promise<Realm> {
    const { taskJournal, journal, run, limits, sandbox } = this.#recording;
    const { role, code, answer, notesReads = false } = this.#options;
    const [before] = taskJournal.feeds(entry.seq - 1, entry.seq);
    const setup = {
      run: run.name,
      task: `${taskJournal.task.name} (${role})`,
      code: (code ?? journal.code(epochOf(this.#recording, entry).codeHash)).bundle,
      // Recorded feeds hold no record that halted; other code may fail on any of them, and is to go on.
      options: { ...realmOptions(run, before, { onError: "skip" }, limits), notesReads },
      chain: chainAfter(before),
      state: taskJournal.stateBefore(entry.seq),
    };
    const recorded = answerFrom((seq) => recordedEffects(this.#recording, seq));
    return Realm.open(sandbox(), setup, limits, { answer: answer ?? recorded, record: () => {} });
  }
}

/** An entry for the feed `seq`, which the journal does not have. */
export function behindLast({ taskJournal }: Recording, seq: number): FeedEntry {
  return { ...NOT_JOURNALED, seq, epoch: taskJournal.epochs().at(-1)!.epoch };
}

/** The entry of a feed that the journal knows nothing of. */
const NOT_JOURNALED: Omit<FeedEntry, "seq" | "epoch"> = {
  ranges: [],
  isEnd: false,
  isReborn: false,
  records: 1,
  outputs: 0,
  failures: 1,
  letters: 0,
  nowMs: 0,
  isStarted: true,
  chain: new Uint8Array(16),
  inputDigest: new Uint8Array(16),
};

/** A feed that was processed. */
export interface RanFeed extends Omit<StartedFeed, "fed"> {
  readonly fed: DigestedFed;
}

/** The owner's time in which the feed of `entry` was run. */
export function epochOf({ taskJournal }: Recording, entry: Pick<FeedEntry, "epoch">): Epoch {
  return taskJournal.epochs().find(({ epoch }) => epoch === entry.epoch)!;
}
