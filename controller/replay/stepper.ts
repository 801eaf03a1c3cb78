/**
 * Recorded units one by one, in both directions: records, timers, hooks, each with what it did and the state after it.
 *
 * A feed is run once when it is entered, and then looked at; a step back leads to its unit before, or enters the feed
 * before. The state is the journal's before the feed, and what the units changed since.
 */

import { isSameOrigin, type Origin } from "../../engine/record.ts";
import { payloadAt } from "../../formats/record_payload.ts";
import { recordAt, recordIndex } from "../feed_record.ts";
import type { FeedEntry, JournaledEffect } from "../journal/journal.ts";
import { type StateMap, stateMap } from "../state_map.ts";
import { type Place, placeOf } from "./divergence.ts";
import { FedView, type UnitView } from "./fed_view.ts";
import { feedAt, feedWith } from "./find_feed.ts";
import { haltOf, recordedEffects } from "./halted.ts";
import { type RanFeed, RecordedRealm } from "./recorded_realm.ts";
import type { Recording } from "./recording.ts";
import { runRecorded } from "./rerun.ts";
import { applyTrace } from "./state_in_time.ts";
import { unitTimes } from "./unit_times.ts";

/** A unit that was stepped to. */
export interface Step extends Place {
  /** Counted from 0 within its feed. */
  readonly unit: number;
  readonly key: string | null;
  /** As text; null for a tombstone, and for timers and hooks. */
  readonly value: string | null;
  readonly eventTimeMs: number | undefined;
  /** Logical time. */
  readonly timeMs: number;
  readonly did: UnitView;
  readonly effects: readonly JournaledEffect[];
  /** The keys of the state that it looked at. */
  readonly reads: readonly string[];
}

interface Entered {
  readonly ran: RanFeed;
  readonly view: FedView;
  readonly timesMs: Float64Array;
}

/** See the module. */
export class Stepper {
  readonly #recording: Recording;
  readonly #realm: RecordedRealm;
  #entered: Entered | undefined;
  #unit = -1;
  #state: StateMap = { state: new Map(), timers: new Map() };

  constructor(recording: Recording) {
    this.#recording = recording;
    this.#realm = new RecordedRealm(recording, { role: "step", notesReads: true });
  }

  /** State and timers after the current unit. */
  get state(): StateMap {
    return this.#state;
  }

  /** The current unit; undefined before the first step. */
  current(): Step | undefined {
    return this.#entered && this.#unit >= 0 ? this.#stepAt(this.#entered, this.#unit) : undefined;
  }

  /** Goes to the next unit; stays, and answers undefined, at the end. */
  async next(): Promise<Step | undefined> {
    const entered = this.#entered;
    if (entered && this.#unit + 1 < entered.view.length) {
      applyTrace(this.#state, entered.view.unit(++this.#unit).trace);
      return this.current();
    }
    const { taskJournal } = this.#recording;
    const from = entered ? entered.ran.entry.seq + 1 : taskJournal.firstReplayable();
    for (const entry of taskJournal.feeds(from, Infinity)) if (await this.#enter(entry)) return this.#goTo(0);
    return await this.goToHalted(from);
  }

  /** Goes to the record that halted the task, when there is one, in feed `from` or later. */
  async goToHalted(from = 0): Promise<Step | undefined> {
    const halted = haltOf(this.#recording);
    if (!halted || halted.feed.seq < from) return undefined;
    await this.#realm.close();
    this.#look(await this.#realm.runBehindLast(halted.feed));
    return this.#goTo(this.#entered!.view.unitOf(0));
  }

  /** Goes to the unit before; stays, and answers undefined, at the beginning. */
  async previous(): Promise<Step | undefined> {
    if (!this.#entered) return undefined;
    if (this.#unit > 0) return this.#goTo(this.#unit - 1);
    const { taskJournal } = this.#recording;
    const first = taskJournal.firstReplayable();
    for (let seq = this.#entered.ran.entry.seq - 1; seq >= first; seq--) {
      if (await this.#enter(feedAt(this.#recording, seq))) return this.#goTo(this.#entered.view.length - 1);
    }
    return undefined;
  }

  /** Goes to the first unit of a feed. @throws {JournalError} when there is no such feed */
  async goToFeed(seq: number): Promise<Step | undefined> {
    const entry = feedAt(this.#recording, seq);
    return await this.#enter(entry) ? this.#goTo(0) : undefined;
  }

  /** Goes to a record. @throws {JournalError} when no feed covers it */
  async goToRecord(origin: Origin): Promise<Step | undefined> {
    const halted = haltOf(this.#recording)?.place.record;
    if (halted && isSameOrigin(halted, origin)) return await this.goToHalted();
    const entry = feedWith(this.#recording, origin);
    if (!await this.#enter(entry)) return undefined;
    const { ran, view } = this.#entered!;
    const record = recordIndex(ran.feed, origin);
    return record < 0 ? undefined : this.#goTo(view.unitOf(record));
  }

  close(): Promise<void> {
    return this.#realm.close();
  }

  /** Whether there is anything to see in a feed. */
  async #enter(entry: FeedEntry): Promise<boolean> {
    const ran = await runRecorded(this.#recording, this.#realm, entry);
    if (!ran) return false;
    if (ran.fed.unitDigests.length === 0) return false;
    this.#look(ran);
    return true;
  }

  #look(ran: RanFeed): void {
    const view = new FedView(ran.fed, ran.info.outputs);
    this.#entered = { ran, view, timesMs: unitTimes(this.#recording, ran, view) };
  }

  #goTo(unit: number): Step {
    const { ran, view } = this.#entered!;
    this.#unit = unit;
    this.#state = stateMap(this.#recording.taskJournal.stateBefore(ran.entry.seq));
    for (let each = 0; each <= unit; each++) applyTrace(this.#state, view.unit(each).trace);
    return this.#stepAt(this.#entered!, unit);
  }

  #stepAt({ ran, view, timesMs }: Entered, unit: number): Step {
    const record = view.record(unit);
    const did = view.unit(unit);
    const found = recordAt(ran.feed, record);
    const payload = found && payloadAt(found.batch, found.row);
    const eventTimeMs = found?.batch.eventTimesMs?.[found.row];
    return {
      ...placeOf(this.#recording, ran, record, did),
      unit,
      key: payload?.key ?? null,
      value: payload?.value ? new TextDecoder().decode(payload.value) : null,
      eventTimeMs: Number.isNaN(eventTimeMs) ? undefined : eventTimeMs,
      timeMs: timesMs[unit],
      did,
      effects: recordedEffects(this.#recording, ran.entry.seq).filter((effect) => effect.record === record),
      reads: ran.fed.reads?.find((each) => each.unit === unit)?.keys ?? [],
    };
  }
}
