/**
 * Sessions: a key has a few that are open at once, when its elements are out of order; they grow together.
 *
 * State: `<step>|<key>` its open sessions in order; `<step>:due|<key>` when the first of them may be over.
 */

import type { StateGroup } from "../../engine/state.ts";
import type { Key, Stage } from "../pipeline/operator.ts";
import { EventTime } from "../pipeline/event_time.ts";
import { type Early, Emission, NO_EARLY, type WindowParts } from "./emission.ts";
import { keyOf, keyPart } from "../pipeline/key_part.ts";
import type { SessionWindows } from "./windows.ts";

interface Session {
  readonly startMs: number;
  readonly endMs: number;
  readonly state: unknown;
  readonly early?: Early;
}

/** See the module. */
export class SessionStage<T> implements Stage<T> {
  readonly #gapMs: number;
  readonly #parts: WindowParts<T>;
  readonly #group: StateGroup;
  readonly #emission: Emission;
  readonly #time: EventTime<T>;

  constructor({ gapMs }: SessionWindows, parts: WindowParts<T>) {
    this.#gapMs = gapMs;
    this.#parts = parts;
    this.#group = parts.scope.state.group(parts.scope.name);
    this.#emission = new Emission(parts);
    this.#time = new EventTime(parts.scope, parts.down, (part, atMs) => this.#closeDue(part, atMs));
  }

  push(value: T, key: Key, timeMs: number): void {
    const part = keyPart(key);
    const sessions = this.#sessionsOf(part);
    const isNear = (each: Session) => timeMs >= each.startMs - this.#gapMs && timeMs <= each.endMs + this.#gapMs;
    const near = sessions.filter(isNear);
    const endMs = Math.max(timeMs, ...near.map((each) => each.endMs));
    if (endMs + this.#gapMs < this.#time.watermarkMs) {
      return this.#time.refuse(value, key, timeMs);
    }
    const grown = this.#grown(near, value, key, timeMs);
    this.#put(part, [...sessions.filter((each) => !isNear(each)), grown].sort((a, b) => a.startMs - b.startMs));
  }

  advance(watermarkMs: number): void {
    this.#time.advance(watermarkMs);
  }

  #grown(near: readonly Session[], value: T, key: Key, timeMs: number): Session {
    const { aggregate } = this.#parts;
    const before = near.length === 0
      ? aggregate.create()
      : near.map(({ state }) => state).reduce((a, b) => aggregate.merge(a, b));
    const grown = {
      startMs: Math.min(timeMs, ...near.map(({ startMs }) => startMs)),
      endMs: Math.max(timeMs, ...near.map(({ endMs }) => endMs)),
      state: aggregate.add(before, value, timeMs),
    };
    if (!this.#emission.isEarly) return grown;
    // Sessions that have become one are taken back each; what they had counts on.
    const elements = near.reduce((sum, { early = NO_EARLY }) => sum + early[0], 0);
    const isSame = near.length === 1;
    if (!isSame) { for (const { early = NO_EARLY } of near) this.#emission.retract(early[1], timeMs); }
    const last = isSame ? near[0].early?.[1] ?? null : null;
    const result = () => aggregate.result(grown.state);
    const early = this.#emission.update({ key, ...grown }, [elements, last], result, timeMs);
    return { ...grown, early };
  }

  /** What is over at `atMs`, and no later: results come in the order in which sessions end, however far time jumps. */
  #closeDue(part: string, atMs: number): void {
    const key = keyOf(part);
    const sessions = this.#sessionsOf(part);
    const over = sessions.filter(({ endMs }) => endMs + this.#gapMs < atMs);
    for (const each of over) {
      const { early: [, before] = NO_EARLY } = each;
      const result = this.#parts.aggregate.result(each.state);
      this.#emission.close({ key, ...each }, before, result, each.endMs + this.#gapMs);
    }
    this.#put(part, sessions.slice(over.length));
  }

  #sessionsOf(part: string): readonly Session[] {
    return this.#group.get<readonly Session[]>(part) ?? [];
  }

  #put(part: string, sessions: readonly Session[]): void {
    if (sessions.length === 0) {
      this.#group.delete(part);
      return;
    }
    this.#group.set(part, sessions);
    // A session that grows is looked at when it would have ended: a timer per session, not one per element.
    const dueMs = sessions[0].endMs + this.#gapMs + 1;
    const setMs = this.#time.timers.get(part);
    if (setMs === undefined || dueMs < setMs) this.#time.timers.set(part, dueMs);
  }
}
