/**
 * A world with a time of its own: what happens in it are events, one after the other, in an order that its seed decides.
 *
 * Every event belongs to a machine. Code that an event calls, and whatever awaits it, runs as that machine
 * (`AsyncLocalStorage`), so the platform's functions know whose clock, sockets and files they are about. The next event
 * comes when the promises of the last one have come to rest, so crashes lie between any two awaits that wait for anything.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { Chance } from "./chance.ts";
import { Trace } from "./trace.ts";

/** One machine: a clock, and whether it goes. */
export class Machine {
  readonly name: string;
  readonly world: World;
  /** How far its wall clock is from the right time. */
  wallOffsetMs = 0;
  #isAlive = true;
  #resumeMs = 0;
  readonly #onDeath: (() => void)[] = [];

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Before this time it does nothing. */
  get resumeMs(): number {
    return this.#resumeMs;
  }

  get wallMs(): number {
    return Math.floor(this.world.epochMs + this.world.nowMs + this.wallOffsetMs);
  }

  onDeath(act: () => void): void {
    this.#onDeath.push(act);
  }

  /** Stops for `timeMs`, as SIGSTOP and SIGCONT do. */
  pause(timeMs: number): void {
    this.#resumeMs = Math.max(this.#resumeMs, this.world.nowMs + timeMs);
    this.world.note(`${this.name} is paused for ${Math.round(timeMs)} ms`);
  }

  /** Nothing of it happens any more. */
  crash(reason: string): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.world.note(`${this.name} crashes: ${reason}`);
    for (const act of this.#onDeath) act();
  }

  /** Runs `work` as this machine. */
  run<T>(work: () => T): T {
    return context.run(this, work);
  }
}

/** An event that may be called off. */
export interface Scheduled {
  isCancelled: boolean;
}

interface Event extends Scheduled {
  atMs: number;
  readonly order: number;
  readonly machine: Machine;
  readonly what: string;
  readonly act: () => void;
}

const context = new AsyncLocalStorage<Machine>();
const turnReally = globalThis.setImmediate;

/** The machine as which this code runs; undefined outside of worlds. */
export function currentMachine(): Machine | undefined {
  return context.getStore();
}

/** See the module. */
export class World {
  readonly seed: number;
  readonly chance: Chance;
  readonly trace = new Trace();
  /** The right time when the world began. */
  readonly epochMs = 1_750_000_000_000;
  /** Where its disks are: another time they are elsewhere, which nothing may depend on. */
  folder = "";
  #nowMs = 0;
  #order = 0;
  readonly #events: Event[] = [];
  /** Called before every event: where faults come from. */
  onEvent: ((what: string, machine: Machine) => void) | undefined;

  constructor(seed: number) {
    this.seed = seed;
    this.chance = new Chance(seed);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  note(line: string): void {
    const text = this.folder === "" ? line : line.replaceAll(this.folder, "");
    this.trace.add(`${this.#nowMs.toFixed(2).padStart(11)} ${text}`);
  }

  /** Has `act` done by `machine` after `delayMs`. */
  schedule(machine: Machine, delayMs: number, what: string, act: () => void): Scheduled {
    return this.scheduleAt(machine, this.#nowMs + Math.max(0, delayMs), what, act);
  }

  /** Has `act` done by `machine` at a time to come: what is to happen at one time has to be given one, not delays until it. */
  scheduleAt(machine: Machine, atMs: number, what: string, act: () => void): Scheduled {
    // Timers of equal times fire in the order in which they were set on one machine; chance decides among machines.
    const event = {
      atMs,
      order: this.#order++,
      machine,
      what,
      act,
      isCancelled: false,
    };
    this.#insert(event);
    return event;
  }

  /**
   * Lets time pass until `isDone`.
   *
   * @throws {Error} when nothing is left that could happen, or too much has happened
   */
  async runUntil(isDone: () => boolean, { eventsMax, timeMsMax }: WorldLimits): Promise<void> {
    for (let events = 0;; events++) {
      await new Promise<void>((resolve) => turnReally(resolve));
      if (isDone()) return;
      if (events >= eventsMax) throw new Error(`it is not done after ${eventsMax} events`);
      if (this.#nowMs > timeMsMax) throw new Error(`it is not done after ${timeMsMax} ms`);
      const event = this.#next();
      if (!event) throw new Error("everything waits, and nothing is left that could happen");
      this.#happen(event);
    }
  }

  #happen(event: Event): void {
    const { machine, what } = event;
    this.#nowMs = Math.max(this.#nowMs, event.atMs);
    this.onEvent?.(what, machine);
    if (!machine.isAlive) return;
    if (machine.resumeMs > this.#nowMs) return this.#insert(Object.assign(event, { atMs: machine.resumeMs }));
    this.note(`${machine.name} ${what}`);
    machine.run(event.act);
  }

  #next(): Event | undefined {
    for (;;) {
      const event = this.#events.pop();
      if (!event || (!event.isCancelled && event.machine.isAlive)) return event;
    }
  }

  /** The next one is the last. */
  #insert(event: Event): void {
    let [low, high] = [0, this.#events.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(event, this.#events[middle])) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, event);
  }
}

/** After which a world that goes on counts as stuck. */
export interface WorldLimits {
  readonly eventsMax: number;
  readonly timeMsMax: number;
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
