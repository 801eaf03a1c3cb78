/** Where records become elements: their event time, and the watermark of their input. */

import type { StreamRecord } from "../../engine/record.ts";
import { type Duration, durationMs } from "../time/duration.ts";
import { Watermark } from "../time/watermark.ts";
import type { Scope, Stage } from "./operator.ts";

/** How an input is read. */
export interface SourceOptions<T> {
  /**
   * The event time of a record: milliseconds, an ISO 8601 text or a `Date`; `"clock"` is what the clock of the run says.
   * Unless given, the time that the source has for the record, and the clock where it has none.
   */
  readonly time?: ((value: T, record: StreamRecord<T>) => number | string | Date) | "clock";
  /** How far records may be out of order, within a partition. @default {0} */
  readonly lateness?: Duration;
  /** After what silence a partition no longer holds up the others; see docs/PIPELINES.md. @default {never} */
  readonly idle?: Duration;
  /** What to do with records that have no value; `table` passes them on. @default {"fail"} */
  readonly tombstones?: "fail" | "skip" | "pass";
}

const ALARM = "idle";

/** See the module. */
export class SourceStage {
  readonly #scope: Scope;
  readonly #options: SourceOptions<unknown>;
  readonly #down: Stage<unknown>;
  /** Absent where nothing after it asks for it. */
  readonly #watermark: Watermark | undefined;

  constructor(scope: Scope, down: Stage<unknown>, options: SourceOptions<unknown>, grainMs: number | undefined) {
    this.#scope = scope;
    this.#options = options;
    this.#down = down;
    if (grainMs === undefined) return;
    const { lateness = 0, idle } = options;
    const idleMs = idle === undefined ? undefined : durationMs(idle);
    this.#watermark = new Watermark(scope.name, scope.state, { latenessMs: durationMs(lateness), idleMs, grainMs });
    scope.onAlarm(() => this.#checkIdle());
  }

  /** Tells what comes after it where the watermark stands: after a restart. */
  resume(): void {
    const atMs = this.#watermark?.atMs ?? -Infinity;
    if (atMs > -Infinity) this.#down.advance(atMs);
  }

  /** Takes a record. */
  take(record: StreamRecord): void {
    if (record.value === null && this.#options.tombstones !== "pass") {
      if (this.#options.tombstones === "skip") return;
      throw new TypeError(
        "Cannot take the record: it has no value (a tombstone); read the input as a table, " +
          'or with tombstones: "skip"',
      );
    }
    const timeMs = this.#timeOf(record);
    if (this.#watermark) this.#see(this.#watermark, record, timeMs);
    this.#down.push(record.value, record.key, timeMs);
  }

  /** The input has ended: nothing is to come. */
  end(): void {
    this.#down.advance(Infinity);
  }

  #see(watermark: Watermark, record: StreamRecord, timeMs: number): void {
    const hasIdle = this.#options.idle !== undefined;
    const hasMoved = watermark.see(record, timeMs, hasIdle ? this.#scope.context.now : 0);
    if (hasMoved) this.#down.advance(watermark.atMs);
    if (hasIdle) this.#setAlarm(watermark);
  }

  #checkIdle(): void {
    const watermark = this.#watermark!;
    const { now } = this.#scope.context;
    if (watermark.checkIdle(now)) this.#down.advance(watermark.atMs);
    this.#setAlarm(watermark);
    // All are silent: as long as something waits for its time, time goes on.
    if (watermark.nextIdleMs() === undefined && this.#scope.isWaiting) {
      this.#scope.setAlarm(ALARM, now + durationMs(this.#options.idle!));
    }
  }

  #setAlarm(watermark: Watermark): void {
    const nextMs = watermark.nextIdleMs();
    if (nextMs !== undefined && !(nextMs >= (this.#scope.alarmAt(ALARM) ?? Infinity))) {
      this.#scope.setAlarm(ALARM, nextMs);
    }
  }

  #timeOf(record: StreamRecord): number {
    const { time } = this.#options;
    if (time === "clock") return this.#scope.context.now;
    if (time === undefined) return record.eventTimeMs ?? this.#scope.context.now;
    const given = time(record.value, record);
    const timeMs = typeof given === "number" ? given : given instanceof Date ? given.getTime() : Date.parse(given);
    if (Number.isFinite(timeMs)) return timeMs;
    throw new TypeError(
      `Cannot take the record: its event time is ${String(given)}, milliseconds or ISO 8601 is wanted`,
    );
  }
}
