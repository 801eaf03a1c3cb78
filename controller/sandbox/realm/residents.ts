/**
 * A realm for tasks that run the same code: kernel and engine are evaluated once, the processor's modules for each task.
 *
 * - What V8 has compiled for one task serves all of them, which is most of what a task costs that sees few records.
 * - Nothing of one task reaches another: variables of modules belong to a task, and all else that code of a processor can
 *   get hold of is frozen, the intrinsics, the global object, the engine's classes.
 * - One task runs at a time, and leaves no microtask behind. What the globals answer from is set before each run.
 * - Modules that change the global object have a realm of their own.
 */

import { RecordContext } from "../../../engine/context.ts";
import { DecodeError } from "../../../engine/decode.ts";
import { EffectError } from "../../../engine/effects.ts";
import { StuckError } from "../../../engine/engine.ts";
import { GroupView } from "../../../engine/group_view.ts";
import { RecordHeaders } from "../../../engine/headers.ts";
import { KeyedState } from "../../../engine/state.ts";
import { BatchRecord } from "../../../engine/text_batch.ts";
import { TimerQueue } from "../../../engine/timers.ts";
import { freezeAll, sealGlobal } from "./freeze.ts";
import { type Door, Guest } from "./guest.ts";
import { DOOR, holdStill, type Initial } from "./install.ts";
import { DeterminismError } from "./intrinsics.ts";
import { collectThrown, type Thrown } from "./microtasks.ts";
import { carryOut, plan } from "./plan.ts";

/** Evaluates the processor's modules anew, and hands their default export to `define`. */
export type ModuleFactory = (define: (processor: unknown) => void) => void;

/** What the host sees of a realm. */
export interface RealmDoor {
  /** Plans to evaluate the processor's modules for one more task. */
  planTask(initialJson: string): void;
  /** The task whose modules were evaluated. The first one closes the realm: nothing in it can be changed any more. */
  takeTask(): Door;
  /** Whether it can hold more tasks. */
  takesMore(): boolean;
  /** Does what was planned: the only one that runs code of the processor. */
  go(): void;
}

/** What a processor can reach the prototypes of. */
const HANDED_OUT: readonly unknown[] = [
  ...[RecordContext, BatchRecord, RecordHeaders, KeyedState, GroupView, TimerQueue],
  ...[EffectError, DecodeError, StuckError, DeterminismError],
];

/** Puts the door where the host looks for it, who takes it away before anything is evaluated. */
export function openRealm(evaluateModules: ModuleFactory): void {
  freezeAll(HANDED_OUT);
  const residents = new Residents(evaluateModules);
  const door: RealmDoor = {
    planTask: (initialJson) => plan(() => residents.admit(JSON.parse(initialJson) as Initial)),
    takeTask: () => residents.take(),
    takesMore: () => residents.takesMore,
    go: carryOut,
  };
  Object.defineProperty(globalThis, DOOR, { value: Object.freeze(door), enumerable: false, configurable: true });
}

class Residents {
  readonly #evaluateModules: ModuleFactory;
  #globals: ReadonlyMap<PropertyKey, unknown> | undefined;
  #last: Guest | undefined;
  #takesMore: boolean | undefined;

  constructor(evaluateModules: ModuleFactory) {
    this.#evaluateModules = evaluateModules;
  }

  get takesMore(): boolean {
    return this.#takesMore === true;
  }

  admit(initial: Initial): void {
    this.#globals ??= globalProperties();
    const thrown: Thrown = { first: undefined };
    collectThrown(thrown);
    holdStill(initial);
    this.#evaluateModules((processor) => this.#last = new Guest(processor, thrown));
  }

  take(): Door {
    if (this.#takesMore === undefined) {
      this.#takesMore = areEqual(this.#globals!, globalProperties());
      sealGlobal();
    }
    const guest = this.#last!;
    this.#last = undefined;
    return guest;
  }
}

function globalProperties(): ReadonlyMap<PropertyKey, unknown> {
  const properties = Object.getOwnPropertyDescriptors(globalThis) as Record<PropertyKey, PropertyDescriptor>;
  return new Map(Reflect.ownKeys(properties).map((name) => [name, properties[name].get ?? properties[name].value]));
}

function areEqual(some: ReadonlyMap<PropertyKey, unknown>, others: ReadonlyMap<PropertyKey, unknown>): boolean {
  return some.size === others.size && [...some].every(([name, value]) => Object.is(others.get(name), value));
}
