/** What a seed decides before anything happens: which systems, how much, how it is cut, and which faults there will be. */

import type { ClockPolicy } from "../../engine/clock.ts";
import type { CapturePolicy } from "../../controller/task_setup.ts";
import type { ErrorPolicy } from "../../engine/failure.ts";
import { Chance } from "./world/chance.ts";

/** Systems that inputs come from and outputs go to. */
export const SYSTEMS = ["kafka", "redis", "kinesis"] as const;

/** See {@linkcode SYSTEMS}. */
export type System = typeof SYSTEMS[number];

/** A record of the input. */
export interface InputRecord {
  readonly key: string;
  readonly amount: number;
  readonly eventTimeMs: number;
}

/** See the module. */
export interface Scenario {
  readonly seed: number;
  readonly source: System;
  readonly sink: System;
  /** Where the second half of the partitions is instead: an input of its own. */
  readonly otherSource: System | undefined;
  /** The records of each partition. */
  readonly partitions: readonly (readonly InputRecord[])[];
  readonly feedRecordsMax: number;
  readonly feedsInFlightMax: number;
  readonly snapshotFeedsMin: number;
  readonly lingerMs: number;
  readonly tasksMax: number | undefined;
  readonly transactionVersion: 1 | 2;
  /** How outputs become records of Kinesis. */
  readonly format: "aggregated" | "plain";
  /** Whether the input is written while it is read, by runs that do not end by themselves. */
  readonly grows: boolean;
  /** How many share the run. */
  readonly processes: number;
  /** When a process that shares it counts as dead. */
  readonly leaseMs: number;
  /** Where the time of records comes from: what it amounts to depends on the faults, unless it is their own. */
  readonly clock: ClockPolicy;
  /** What becomes of records that fail. */
  readonly onError: ErrorPolicy;
  /** Whether the last partition of a topic comes when something is written to it. */
  readonly addsPartition: boolean;
  /** Where half of the outputs go instead. */
  readonly otherSink: System | undefined;
  /** Whether the journal keeps all inputs, or those alone that cannot be read again. */
  readonly capture: Exclude<CapturePolicy, "none">;
  /** Whether every other start has other code that does the same. */
  readonly changesCode: boolean;
  /** How likely whoever operates it rewinds a task before it is started again. */
  readonly rewind: number;
  /** Which share of feeds is run again at once, in a realm of its own (`--verify`). */
  readonly verify: number;
  /** Whether another run goes on in the same process. */
  readonly hasNeighbour: boolean;
  /** How likely each fault is, per event; 0 in a calm world. */
  readonly faults: Faults;
}

/** Probabilities per event. */
export interface Faults {
  readonly crash: number;
  /** The step of a feed, of all that there are, at which its process is killed, besides. */
  readonly crashAtStep?: number;
  readonly powerLoss: number;
  readonly pause: number;
  readonly zombie: number;
  readonly cut: number;
  readonly stall: number;
  readonly server: number;
  readonly clockJump: number;
  readonly diskFull: number;
  readonly failedSync: number;
  /** The oldest part of the input is gone. */
  readonly trim: number;
  /** Whoever operates it asks it to stop, and starts it again. */
  readonly stop: number;
  /** Whoever operates it prunes its journal. */
  readonly prune: number;
  /** A sandbox dies of what it is asked; per request. */
  readonly sandbox: number;
  /** After so many events nothing fails any more. */
  readonly eventsMax: number;
}

const NO_FAULTS: Faults = {
  crash: 0,
  powerLoss: 0,
  pause: 0,
  zombie: 0,
  cut: 0,
  stall: 0,
  server: 0,
  clockJump: 0,
  diskFull: 0,
  failedSync: 0,
  trim: 0,
  stop: 0,
  prune: 0,
  sandbox: 0,
  eventsMax: 0,
};

/** How to narrow down what a seed may decide. */
export interface ScenarioLimits {
  readonly sources?: readonly System[];
  readonly sinks?: readonly System[];
  readonly processes?: number;
}

/** What decides how an input is written. */
export function chanceOfInput({ seed }: Scenario): Chance {
  return new Chance(seed ^ 0x1a9b07);
}

/** What was added when seeds were known already: what they decided before is to stay. */
type Later =
  | "processes"
  | "leaseMs"
  | "clock"
  | "onError"
  | "addsPartition"
  | "capture"
  | "changesCode"
  | "otherSink"
  | "rewind"
  | "otherSource"
  | "verify"
  | "hasNeighbour";

/** The scenario of a seed. */
export function scenarioOf(seed: number, limits: ScenarioLimits = {}): Scenario {
  const { sources = SYSTEMS, sinks = SYSTEMS } = limits;
  const chance = new Chance(seed ^ 0x5ce0a510);
  const partitions = chance.integer(1, 4);
  const records = chance.integer(5, 60);
  const scenario: Omit<Scenario, Later> = {
    seed,
    source: chance.pick(sources),
    sink: chance.pick(sinks),
    partitions: Array.from({ length: partitions }, (_, partition) => inputOf(chance, partition, records)),
    feedRecordsMax: chance.pick([1, 3, 7, 20, 100]),
    feedsInFlightMax: chance.integer(1, 4),
    snapshotFeedsMin: chance.pick([1, 3, 256]),
    lingerMs: chance.pick([0, 0, 5, 50]),
    tasksMax: chance.happens(0.2) ? 1 : undefined,
    transactionVersion: chance.happens(0.3) ? 1 : 2,
    format: chance.pick(["aggregated", "plain"]),
    grows: chance.happens(0.4),
    faults: faultsOf(chance),
  };
  const { processes = chance.happens(0.25) ? chance.integer(2, 4) : 1 } = limits;
  const leaseMs = processes > 1 ? chance.pick([500, 2000, 10_000]) : 0;
  const whole: Scenario = {
    ...scenario,
    processes,
    leaseMs,
    clock: chance.happens(0.25) ? "feed" : "event",
    onError: chance.pick(["dead-letter", "skip", "halt"]),
    addsPartition: chance.happens(0.3),
    capture: chance.pick(["auto", "all"]),
    changesCode: chance.happens(0.3),
    otherSink: chance.happens(0.25) ? chance.pick(SYSTEMS.filter((system) => system !== scenario.sink)) : undefined,
    rewind: chance.happens(0.2) ? 0.3 : 0,
    otherSource: otherSourceOf(chance, partitions, sources.filter((system) => system !== scenario.source)),
    verify: chance.happens(0.2) ? chance.pick([0.3, 1]) : 0,
    hasNeighbour: chance.happens(0.3),
  };
  if (processes > 1) return shared(whole);
  // The one task of several inputs has its partitions for good.
  return whole.otherSource ? { ...whole, addsPartition: false } : whole;
}

function otherSourceOf(chance: Chance, partitions: number, systems: readonly System[]): System | undefined {
  const isWanted = partitions > 1 && systems.length > 0 && chance.happens(0.3);
  return isWanted ? chance.pick(systems) : undefined;
}

/**
 * A shared run has one input, and a task per shard. One of its tasks may stop for good while others go on, so nothing is
 * trimmed; and its tasks are not in one journal, so none is rewound.
 */
function shared(scenario: Scenario): Scenario {
  const tasksMax = scenario.source === "kinesis" ? undefined : scenario.tasksMax;
  const onError = scenario.onError === "halt" ? "skip" : scenario.onError;
  const faults = { ...scenario.faults, trim: 0 };
  return { ...scenario, tasksMax, onError, rewind: 0, otherSource: undefined, hasNeighbour: false, faults };
}

/** Of a world with fewer steps. */
const CRASH_EVENTS_MAX = 5000;

/** The same, but nothing fails except that one process is killed right after a step of a feed. */
export function crashingAt(scenario: Scenario, crashAtStep: number): Scenario {
  return { ...scenario, grows: false, rewind: 0, faults: { ...NO_FAULTS, crashAtStep, eventsMax: CRASH_EVENTS_MAX } };
}

/** The same by one process, without any fault. What halts a run until its code is mended does nothing then. */
export function calm(scenario: Scenario): Scenario {
  const onError = scenario.onError === "halt" ? "skip" : scenario.onError;
  return { ...scenario, grows: false, processes: 1, onError, rewind: 0, verify: 0, faults: NO_FAULTS };
}

/** The same, but nothing fails except servers, often. */
export function badlyServed(scenario: Scenario): Scenario {
  return { ...scenario, grows: false, rewind: 0, faults: { ...NO_FAULTS, server: 1 / 50, eventsMax: 3000 } };
}

function inputOf(chance: Chance, partition: number, records: number): readonly InputRecord[] {
  let eventTimeMs = 1_749_000_000_000 + chance.integer(0, 50);
  return Array.from({ length: chance.integer(1, records + 1) }, () => {
    eventTimeMs += chance.integer(0, 12);
    return { key: `p${partition}k${chance.integer(0, 4)}`, amount: chance.integer(0, 100), eventTimeMs };
  });
}

/** Some kinds of faults, not all: one that always comes would hide what another does. */
function faultsOf(chance: Chance): Faults {
  const some = (probability: number): number => chance.happens(0.5) ? probability * chance.skewed(0.2, 3) : 0;
  return {
    crash: some(1 / 150),
    powerLoss: chance.pick([0, 0.5, 1]),
    pause: some(1 / 300),
    zombie: some(1 / 300),
    cut: some(1 / 80),
    stall: some(1 / 150),
    server: some(1 / 200),
    clockJump: some(1 / 200),
    diskFull: some(1 / 20),
    failedSync: some(1 / 20),
    trim: chance.happens(0.15) ? 1 / 300 : 0,
    stop: some(1 / 200),
    prune: some(1 / 100),
    eventsMax: chance.integer(50, 1500),
    sandbox: some(1 / 60),
  };
}
