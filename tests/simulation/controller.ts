/** One start of Sluice on one machine: the real controller, journal, tasks and adapters, until it ends, fails, or is gone. */

import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { DEFAULT_LIMITS } from "../../controller/limits.ts";
import type { JournaledCode } from "../../controller/journal/journal.ts";
import { routesTo } from "../../controller/routing.ts";
import { run } from "../../controller/run.ts";
import { SandboxPool } from "../../controller/sandbox/pool.ts";
import { replayAll } from "./replay.ts";
import type { SharedTable } from "./dynamodb/place.ts";
import type { Inputs } from "./inputs.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Outputs } from "./outputs.ts";
import type { SimulatedProcessor } from "./processors.ts";
import type { Scenario } from "./scenario.ts";
import { SimulatedSelfCheck } from "./self_check.ts";
import { simulatedSandboxes } from "./simulated_sandbox.ts";
import type { Machine } from "./world/world.ts";

/** What a start works with. */
export interface StartOptions {
  readonly machine: Machine;
  /** Whether its processor is the mended one. */
  readonly isMended: boolean;
  /** How many starts there were before. */
  readonly number: number;
  readonly scenario: Scenario;
  readonly processor: SimulatedProcessor;
  readonly inputs: Inputs;
  readonly outputs: Outputs;
  /** Present when several processes share the run. */
  readonly table: SharedTable | undefined;
  /** Present when another run goes on beside it. */
  readonly neighbour: { readonly run: Neighbour; readonly code: JournaledCode } | undefined;
  /** The path of its journal. */
  readonly journal: string;
  /** Whether it ends where its input ends now. */
  readonly isBounded: boolean;
  /** Whether nothing fails any more. */
  readonly isCalm: () => boolean;
  /** Called when something is wrong, although it goes on. */
  readonly onError: (error: Error) => void;
  /** Called after each step of a feed; the machine may be gone then. */
  readonly onStep: (machine: Machine) => void;
}

/** What is there when a start has ended. */
export interface End {
  readonly failures: readonly Error[];
  readonly digests: Readonly<Record<string, string>>;
  /** How many dead letters its journal has. */
  readonly letters: number;
  /** What a replay of its journal found to be otherwise than recorded. */
  readonly divergences: readonly string[];
  /** When its run ended; checks and replays may go on for long. */
  readonly runEndedMs: number;
}

/** How a start ended; `undefined` as long as it has not, which is for ever where its machine is gone. */
export interface Start {
  readonly machine: Machine;
  readonly journal: string;
  end: End | undefined;
  /** Whether it knows where it reads from, for good. */
  readonly hasBegun: boolean;
  /** Whether it was asked to stop. */
  readonly isStopped: boolean;
  /** Asks it to stop, as SIGTERM does. */
  stop(): void;
  /** Gives back what its process would have lost with it. */
  dispose(): void;
}

const EFFECT_MS = { from: 0.1, to: 2000 };

interface Opened {
  readonly journals: SqliteJournal[];
  hasBegun?: boolean;
}

/** Starts Sluice on a machine. */
export function start(options: StartOptions): Start {
  const { machine, journal } = options;
  const opened: Opened = { journals: [] };
  const stopping = new AbortController();
  let isStopped = false;
  const started: Start = {
    machine,
    journal,
    end: undefined,
    get hasBegun() {
      return opened.hasBegun === true;
    },
    get isStopped() {
      return isStopped;
    },
    stop() {
      isStopped = true;
      machine.world.schedule(machine, 0, "is asked to stop", () => stopping.abort());
    },
    dispose() {
      for (const each of opened.journals) each.close();
    },
  };
  machine.run(() => {
    runAll(options, opened, stopping.signal).then((end) => started.end = end, (error) => {
      started.end = {
        failures: [error as Error],
        digests: {},
        letters: 0,
        divergences: [],
        runEndedMs: machine.world.nowMs,
      };
    });
  });
  return started;
}

async function runAll(options: StartOptions, opened: Opened, stop: AbortSignal): Promise<End> {
  const { machine, scenario, processor, inputs, outputs, table, isBounded } = options;
  const sources = await inputs.openSources(isBounded);
  const sinks = await outputs.openSinks(`${machine.name}:1:${machine.wallMs}`);
  const roaming = await table?.open(machine.name);
  const journal = await openJournal(options, opened);
  const check = scenario.verify > 0 ? new SimulatedSelfCheck(options, limitsOf(scenario)) : undefined;
  const { info, codes, mended } = processor;
  const pool = new SandboxPool(
    2,
    simulatedSandboxes(() => !options.isCalm() && machine.world.chance.happens(scenario.faults.sandbox)),
  );
  const beside = runNeighbour(options, opened, { pool, stop });
  const summary = await run({
    name: "simulated",
    journal,
    pool,
    processor: info.name,
    steps: undefined,
    codecs: { inputs: info.inputCodecs ?? {}, outputs: info.outputCodecs ?? {} },
    code: options.isMended ? mended : codes[scenario.changesCode ? options.number % codes.length : 0],
    sources,
    routes: routesTo(sinks),
    uris: {},
    clock: { nowMs: () => Date.now() },
    clockPolicy: scenario.clock,
    seed: 7,
    limits: limitsOf(scenario),
    onError: scenario.onError,
    capture: scenario.capture,
    acceptsGaps: false,
    tasksMax: scenario.tasksMax,
    effects: { rate: (value) => rate(machine, scenario, value as { readonly count: number }) },
    roaming,
    observer: {
      onNotice: (text) => machine.world.note(`${machine.name} says: ${text}`),
      onStep(step, task, seq): void {
        opened.hasBegun = true;
        machine.world.note(`${machine.name} task ${task} feed ${seq} ${step}`);
        if (step === "settled") check?.noteSettled(task, seq);
        options.onStep(machine);
      },
    },
    stop,
  });
  const failures = [...summary.failures, ...await beside];
  const runEndedMs = machine.world.nowMs;
  await check?.close();
  const isWhole = failures.length === 0 && scenario.faults.trim === 0 && options.isCalm();
  const divergences = isWhole ? await replayAll(journal, sources, limitsOf(scenario)) : [];
  for (const source of sources.values()) await source.close();
  for (const sink of Object.values(sinks)) await sink.close();
  await roaming?.leases.close();
  await roaming?.store.close();
  const letters = [...journal.deadLetters(journal.run("simulated")!)].length;
  return { failures, digests: digestsOf(journal), letters, divergences, runEndedMs };
}

async function openJournal({ journal: path }: StartOptions, { journals }: Opened): Promise<SqliteJournal> {
  const journal = await SqliteJournal.open(path);
  journals.push(journal);
  return journal;
}

/** Answers what stopped it. */
async function runNeighbour(
  options: StartOptions,
  opened: Opened,
  { pool, stop }: { readonly pool: SandboxPool; readonly stop: AbortSignal },
): Promise<readonly Error[]> {
  const { machine, scenario, neighbour, number } = options;
  if (!neighbour) return [];
  try {
    const { failures } = await run({
      ...{ name: "neighbour", processor: "neighbour", pool, stop, steps: undefined, code: neighbour.code },
      ...{ codecs: { inputs: {}, outputs: {} }, uris: {}, clockPolicy: "event", seed: 3, tasksMax: undefined },
      ...{ onError: "halt", capture: "auto", acceptsGaps: false, effects: {}, roaming: undefined },
      journal: await openJournal(options, opened),
      sources: new Map([["default", neighbour.run.openSource()]]),
      routes: routesTo({ default: neighbour.run.openSink(number) }),
      clock: { nowMs: () => Date.now() },
      limits: limitsOf(scenario),
      observer: { onNotice: (text) => machine.world.note(`the neighbour at ${machine.name} says: ${text}`) },
    });
    return failures;
  } catch (error) {
    return [error as Error];
  }
}

/** Somebody whom the processor asks. What he says is not the same twice where no other world has the same time either. */
function rate(machine: Machine, { clock }: Scenario, { count }: { readonly count: number }): Promise<number> {
  const { chance } = machine.world;
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  machine.world.schedule(machine, chance.skewed(EFFECT_MS.from, EFFECT_MS.to), "answers an effect", () => {
    if (clock === "event") resolve(3 * count);
    else if (chance.happens(0.2)) reject(new Error("nobody knows"));
    else resolve(chance.integer(0, 1000));
  });
  return promise;
}

/** By partition: how tasks are numbered may depend on when shards are seen. */
function digestsOf(journal: SqliteJournal): Readonly<Record<string, string>> {
  const entries = journal.tasks(journal.run("simulated")!).map((task): readonly [string, string] => [
    task.partitions.map(({ partition }) => partition).join(),
    journal.task(task).lastFeed()?.chain.toHex() ?? "",
  ]);
  return Object.fromEntries(entries.sort(([a], [b]) => a < b ? -1 : 1));
}

function limitsOf({ feedRecordsMax, feedsInFlightMax, snapshotFeedsMin, lingerMs }: Scenario) {
  return { ...DEFAULT_LIMITS, feedRecordsMax, feedsInFlightMax, snapshotFeedsMin, lingerMs, snapshotEntriesPerFeed: 3 };
}
