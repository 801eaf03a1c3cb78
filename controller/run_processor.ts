/** The whole of a run for a caller who has sources and sinks: load, journal, lock, run, close. */

import type { Sink } from "../adapters/sink.ts";
import type { Source } from "../adapters/source.ts";
import type { ClockPolicy } from "../engine/clock.ts";
import type { ProcessorGraph } from "../engine/graph.ts";
import type { ErrorPolicy } from "../engine/failure.ts";
import { systemClock } from "./clock.ts";
import type { EffectHandlers } from "./effects.ts";
import { lockRun } from "./journal/lock.ts";
import { SqliteJournal } from "./journal/sqlite_journal.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { type LoadedProcessor, loadProcessor } from "./load_processor.ts";
import type { Divergence } from "./replay/divergence.ts";
import type { SourcesAtHand } from "./replay/recording.ts";
import type { RoamingOptions } from "./roaming/roaming_group.ts";
import { routesTo } from "./routing.ts";
import { run, type RunSummary } from "./run.ts";
import { openPool } from "./sandbox/open_pool.ts";
import type { SandboxPool } from "./sandbox/pool.ts";
import type { Isolation } from "./sandbox/sandbox.ts";
import { SelfCheck } from "./self_check.ts";
import type { CapturePolicy, Observer } from "./task_setup.ts";

/** How a run checks itself while it goes on. */
export interface VerifyOptions {
  /** The share of feeds to run again, from 0 to 1. */
  readonly share: number;
  /** Called at once for a feed that did something else. */
  readonly onDivergence: (divergence: Divergence) => void;
  /** Input name → source to read inputs again from, where the journal does not keep them; not the ones the run reads. */
  readonly sources?: SourcesAtHand;
}

/** What to run, between what, and how. */
export interface RunProcessorOptions {
  /** The path of a script whose default export is `defineProcessor({ … })`. */
  readonly processor: string;
  /** Input name → source; `default` unless the processor names its inputs. */
  readonly from: Readonly<Record<string, Source>>;
  /** Output name → sink; `default` takes what has no sink of its own. One sink for several outputs commits them together. */
  readonly to: Readonly<Record<string, Sink>>;
  /** Path of the journal, which is created when it is missing. */
  readonly journal: string;
  /** Names the run within the journal; the processor's name unless given. A known name goes on where it stopped. */
  readonly name?: string;
  /** Input name → a URI that opens its source again, so that `sluice replay` can. */
  readonly uris?: Readonly<Record<string, string>>;
  /** Threads or processes to spread tasks over. @default {1} */
  readonly workers?: number;
  /** How processors are kept apart from the controller. @default {"worker"} */
  readonly isolation?: Isolation;
  /** Where logical time comes from. @default {"feed"} */
  readonly clock?: ClockPolicy;
  /** Seed of all random numbers. @default {0} */
  readonly seed?: number;
  /** What to do with a record that fails. @default {"halt"} */
  readonly onError?: ErrorPolicy;
  /** Which inputs the journal keeps. @default {"auto"} */
  readonly capture?: CapturePolicy;
  /** Whether a task goes on behind records that were trimmed before it read them; each gap is journaled. @default {false} */
  readonly acceptsGaps?: boolean;
  /**
   * Partitions that are new share so many tasks; each has its own unless given. The partitions of a task share state and
   * sequence. What was assigned once stays so.
   */
  readonly tasksMax?: number;
  /** Shares the run with other processes, which have journals of their own; it then ends when it is told to. */
  readonly roaming?: RoamingOptions | undefined;
  /** Handlers of `context.effect(name, input)`. */
  readonly effects?: EffectHandlers;
  /** Runs a share of the feeds again meanwhile, in a fresh realm, and tells what differs. */
  readonly verify?: VerifyOptions;
  /** Limits other than the defaults. */
  readonly limits?: Partial<Limits>;
  /** Aborts when the run is to stop: what is under way is finished and committed. */
  readonly stop?: AbortSignal;
  /** Sees what happens meanwhile. */
  readonly observer?: Observer;
}

/**
 * Runs a processor until its inputs end or `stop` aborts. Sources and sinks stay open; their owner closes them.
 *
 * Sandboxes are workers without permissions, for which Deno wants `--unstable-worker-options`, or `worker-options` under
 * `unstable` in `deno.json`; with `isolation: "process"` it wants neither.
 *
 * @throws {BundleError} when the processor cannot be loaded
 * @throws {JournalError} when the journal cannot be used, another process runs the same run, or the run was another one
 */
export async function runProcessor(options: RunProcessorOptions): Promise<RunSummary> {
  const pool = openPool(options);
  try {
    return await runLoaded(await loadProcessor(options.processor, pool), pool, options);
  } finally {
    pool.close();
  }
}

/** The steps between inputs and outputs. */
function stepNames({ steps }: ProcessorGraph): readonly string[] {
  return steps.filter(({ kind }) => kind !== "from" && kind !== "to").map(({ name }) => name);
}

/** Like {@linkcode runProcessor}, for a processor that is loaded, in sandboxes that belong to the caller. */
export async function runLoaded(
  { info, bundle, script }: LoadedProcessor,
  pool: SandboxPool,
  options: Omit<RunProcessorOptions, "processor">,
): Promise<RunSummary> {
  const name = options.name ?? info.name;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const journal = await SqliteJournal.open(options.journal);
  try {
    const lock = lockRun(options.journal, name, systemClock.nowMs());
    const selfCheck = options.verify && selfCheckOf(name, options.verify, { ...options, limits });
    try {
      return await run({
        name,
        journal,
        pool,
        processor: info.name,
        steps: info.graph && stepNames(info.graph),
        codecs: { inputs: info.inputCodecs ?? {}, outputs: info.outputCodecs ?? {} },
        code: { hash: bundle.hash, bundle: bundle.code, sourceMap: bundle.sourceMap, script },
        sources: new Map(Object.entries(options.from)),
        routes: routesTo(options.to),
        uris: options.uris ?? {},
        clock: systemClock,
        clockPolicy: options.clock ?? "feed",
        seed: options.seed ?? 0,
        limits,
        onError: options.onError ?? "halt",
        capture: options.capture ?? "auto",
        acceptsGaps: options.acceptsGaps ?? false,
        tasksMax: options.tasksMax,
        roaming: options.roaming,
        effects: options.effects ?? {},
        observer: selfCheck ? observedBy(selfCheck, options.observer) : options.observer ?? {},
        stop: options.stop ?? new AbortController().signal,
      });
    } finally {
      await selfCheck?.close();
      lock.release();
    }
  } finally {
    journal.close();
  }
}

interface SelfCheckContext extends Pick<RunProcessorOptions, "journal" | "isolation" | "observer"> {
  readonly limits: Limits;
}

function selfCheckOf(
  run: string,
  { share, onDivergence, sources = new Map() }: VerifyOptions,
  { journal, isolation, limits, observer }: SelfCheckContext,
): SelfCheck {
  const onNotice = (text: string): void => observer?.onNotice?.(text);
  const openSandboxes = (): SandboxPool => openPool({ ...(isolation ? { isolation } : {}) });
  return new SelfCheck({ run, journal, share, sources, openPool: openSandboxes, limits, onDivergence, onNotice });
}

function observedBy(selfCheck: SelfCheck, observer: Observer = {}): Observer {
  return {
    ...observer,
    onStep(step, task, seq): void {
      observer.onStep?.(step, task, seq);
      if (step === "settled") selfCheck.noteSettled(task, seq);
    },
  };
}
