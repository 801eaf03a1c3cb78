/**
 * What an operator is: a description that is opened once per realm and then takes elements.
 *
 * - An element is a value with a key and an event time. They are passed as arguments: no object per element.
 * - `advance` says that nothing earlier than the watermark is to come. It goes down the pipeline like an element, after
 *   everything that is earlier; at the end of bounded inputs it is `Infinity`.
 * - What an operator remembers is in the state, under keys that begin with its name. What it keeps in memory must be
 *   found again from the state: after a record that failed, all operators are opened anew.
 */

import type { Context } from "../../engine/processor.ts";
import type { State } from "../../engine/state.ts";
import { timeText } from "../../engine/time_text.ts";
import type { EventTimers, OnDue } from "../time/event_timers.ts";

/** What elements are grouped by. */
export type Key = string | null;

/** What takes elements. */
export interface Stage<In> {
  /** Takes an element. */
  push(value: In, key: Key, timeMs: number): void;
  /** Learns that nothing before `watermarkMs` is to come. */
  advance(watermarkMs: number): void;
}

/** What takes elements of several streams. */
export interface Junction {
  /** Takes an element of stream `input`, counted from 0. */
  push(input: number, value: unknown, key: Key, timeMs: number): void;
  /** Learns that nothing before `watermarkMs` is to come, on any of the streams. */
  advance(watermarkMs: number): void;
}

/** What a step may use. Valid for as long as the stage that was opened with it. */
export interface Scope {
  /** The name of the step: what its keys in the state begin with. */
  readonly name: string;
  /** The task's state. */
  readonly state: State;
  /** The context of the unit under way. */
  readonly context: Context;
  /** Timers in event time; the stage has to advance them. */
  timers(onDue: OnDue): EventTimers;
  /** Sets a timer by the clock of the run. */
  setAlarm(key: string, atMs: number): void;
  /** When the timer of `key` is due. */
  alarmAt(key: string): number | undefined;
  /** Says what to do when a timer by the clock of the run is due. */
  onAlarm(onDue: OnDue): void;
  /** What takes the elements of a side stream; undefined when nobody does. */
  side<T>(name: string): Stage<T> | undefined;
  /** Does `job` after everything that is under way; later jobs wait for it. */
  queue(job: () => void | Promise<void>): void;
  /** Whether jobs are queued. */
  readonly isQueueing: boolean;
  /** Whether a step of the pipeline waits for event time. */
  readonly isWaiting: boolean;
}

/** What the graph shows of a step, and what it needs. */
export interface OperatorTraits {
  /** What it is called unless it is named: `window`. */
  readonly kind: string;
  /** Its parameters for people: `tumbling 1m`. */
  readonly detail?: string;
  /** Whether it remembers anything. */
  readonly isStateful?: boolean;
  /**
   * Absent where the watermark does not matter. Otherwise the watermark may move in steps of so many milliseconds: what
   * happens in between changes nothing.
   */
  readonly grainMs?: number;
  /** Whether equal keys can be in different partitions after it: then one task has to have them all. */
  readonly regroups?: boolean;
}

/** Side streams by name. */
export type Sides = Readonly<Record<string, unknown>>;

/** An operator from one stream to another; `Side` are the streams it may have besides. */
export interface Operator<In, Out, Side extends Sides = Record<never, never>> extends OperatorTraits {
  /** Begins. */
  open(scope: Scope, down: Stage<Out>): Stage<In>;
  /** For the compiler alone. */
  readonly sides?: Side;
}

/** An operator from several streams to one. */
export interface JunctionOperator<Ins extends readonly unknown[], Out, Side extends Sides = Record<never, never>>
  extends OperatorTraits {
  /** Begins. */
  open(scope: Scope, down: Stage<Out>): Junction;
  /** For the compiler alone. */
  readonly inputs?: Ins;
  /** For the compiler alone. */
  readonly sides?: Side;
}

/** A record that came after what it belongs to was over, and no stream was given for such. */
export class LateError extends Error {
  /** The name of the class. */
  override readonly name = "LateError";
  /** What programs tell it by. */
  readonly code = "E_LATE";

  /** The message says what to do. */
  constructor(step: string, timeMs: number, watermarkMs: number) {
    super(
      `Cannot take the record in step ${step}: its time ${showTime(timeMs)} is late, event time has reached ` +
        `${
          showTime(watermarkMs)
        }; give late records a stream (late), wait longer (lateness), or have partitions that ` +
        "are read after one another merged by their time (?time=FIELD of their source)",
    );
  }
}

function showTime(timeMs: number): string {
  return timeMs === Infinity ? "its end" : timeText(timeMs);
}
