/**
 * When state is copied into the journal, so that neither recovery nor replay grows with the whole history.
 *
 * A snapshot is taken in parts, one per feed, while feeds go on (`KeyedState.copy`). It is due once the changes since the
 * last one outweigh it, so the cost per feed stays a constant factor of what feeds change. When it is complete the realm
 * is reborn: a replay that starts there finds the same fresh modules as the live run did.
 */

import type { SnapshotPart } from "./journal/journal.ts";
import type { Limits } from "./limits.ts";
import type { TaskState } from "./sandbox/protocol.ts";

/** A part of a snapshot that is to be copied after a feed. */
export interface WantedPart {
  /** The feed after which the snapshot was begun: its name. */
  readonly beginSeq: number;
  readonly isFirst: boolean;
}

/** A part that was copied. */
export interface CopiedPart extends Pick<WantedPart, "beginSeq"> {
  readonly state: TaskState;
}

/** Decides when to copy and what to journal. */
export class Snapshots {
  readonly #limits: Limits;
  #feedsSince = 0;
  #changedSince = 0;
  #lastSize = 0;
  #beginSeq: number | undefined;
  #part = 0;
  #isCompleted = false;
  #size = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Notes a feed that is about to be processed; answers which part of a snapshot is to be copied after it. */
  wantedPart(seq: number): WantedPart | undefined {
    this.#feedsSince++;
    const isDue = this.#feedsSince >= this.#limits.snapshotFeedsMin && this.#changedSince >= this.#lastSize;
    if (this.#beginSeq === undefined && isDue) {
      this.#beginSeq = seq;
      this.#part = 0;
      this.#size = 0;
      return { beginSeq: seq, isFirst: true };
    }
    return this.#beginSeq === undefined ? undefined : { beginSeq: this.#beginSeq, isFirst: false };
  }

  /** Notes what a feed changed. */
  noteChanges(changes: TaskState): void {
    this.#changedSince += sizeOf(changes);
  }

  /**
   * The part to journal with the feed after which `state` was copied; an empty part is the last. What was copied while the
   * last part was under way belongs to none, least of all to the snapshot that has begun since.
   */
  part({ beginSeq, state }: CopiedPart): SnapshotPart | undefined {
    if (this.#beginSeq !== beginSeq) return undefined;
    const isLast = state.state.lengths.length + state.timers.lengths.length === 0;
    const part = { beginSeq, part: this.#part++, state, isLast };
    this.#size += sizeOf(state);
    if (isLast) this.#finish();
    return part;
  }

  /** Forgets a snapshot that was under way: the realm it was copied from is gone. */
  abandon(): void {
    this.#beginSeq = undefined;
  }

  /** Whether a snapshot was completed since the last call: the next feed is to find a fresh realm. */
  takeCompleted(): boolean {
    const isCompleted = this.#isCompleted;
    this.#isCompleted = false;
    return isCompleted;
  }

  #finish(): void {
    this.#isCompleted = true;
    this.#beginSeq = undefined;
    this.#lastSize = this.#size;
    this.#feedsSince = 0;
    this.#changedSince = 0;
  }
}

function sizeOf({ state, timers }: TaskState): number {
  return state.text.length + timers.text.length + 8 * (state.lengths.length + timers.lengths.length);
}
