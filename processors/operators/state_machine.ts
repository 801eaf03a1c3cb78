/**
 * `stateMachine`: a running state per key, and what each element makes of it.
 *
 * State: `<step>|<key>` the state; with `ttl`, `<step>:due|<key>` when it is forgotten.
 */

import type { Operator } from "../pipeline/operator.ts";
import { type Duration, positiveMs } from "../time/duration.ts";
import { keyPart } from "../pipeline/key_part.ts";
import type { Place } from "./map.ts";

/** What an element leads to. */
export interface Transition<State, Out> {
  /** The state from here on; null forgets the key. */
  readonly state: State | null;
  /** What is passed on. */
  readonly emit?: Iterable<Out>;
}

/** A machine. */
export interface StateMachineOptions<In, State, Out> {
  /** The state of a key without one. */
  readonly initial: State;
  /** What an element leads to, in the order in which they come. */
  readonly on: (state: State, value: In, place: Place) => Transition<State, Out>;
  /** After so much event time without an element, a key is forgotten. @default {never} */
  readonly ttl?: Duration;
}

/** Runs a machine per key. States must be JSON. Bound: the keys, for good without `ttl`. */
export function stateMachine<In, State, Out>(
  { initial, on, ttl }: StateMachineOptions<In, State, Out>,
): Operator<In, Out> {
  const ttlMs = ttl === undefined ? undefined : positiveMs(ttl, "ttl");
  return {
    kind: "machine",
    isStateful: true,
    ...(ttlMs === undefined ? {} : { grainMs: ttlMs }),
    open(scope, down) {
      const states = scope.state.group(scope.name);
      const timers = scope.timers((part) => states.delete(part));
      return {
        push(value, key, timeMs) {
          const part = keyPart(key);
          const { state, emit = [] } = on(states.get<State>(part) ?? initial, value, { key, timeMs });
          if (state === null) states.delete(part);
          else states.set(part, state);
          if (ttlMs !== undefined) timers.set(part, (Math.floor(timeMs / ttlMs) + 2) * ttlMs);
          for (const each of emit) down.push(each, key, timeMs);
        },
        advance(watermarkMs) {
          timers.advance(watermarkMs);
          down.advance(watermarkMs);
        },
      };
    },
  };
}
