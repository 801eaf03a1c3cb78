/** `sluice run`: runs a processor between streams. */

import { type Sink, SinkError } from "../adapters/sink.ts";
import type { Source } from "../adapters/source.ts";
import type { LoadedProcessor } from "../controller/load_processor.ts";
import type { RunSummary } from "../controller/run.ts";
import { runLoaded } from "../controller/run_processor.ts";
import type { SandboxPool } from "../controller/sandbox/pool.ts";
import type { Isolation } from "../controller/sandbox/sandbox.ts";
import type { CapturePolicy } from "../controller/task_setup.ts";
import type { ClockPolicy } from "../engine/clock.ts";
import type { ErrorPolicy } from "../engine/failure.ts";
import type { LogLine } from "../engine/report.ts";
import { lintBundle } from "../controller/sandbox/lint.ts";
import { openSinks, openSource } from "./adapters.ts";
import { absoluteUri, parseUri } from "./uri.ts";
import { describeFinding } from "./check.ts";
import { bindUris } from "./bindings.ts";
import { loadEffects } from "./effects.ts";
import type { RoamingOptions } from "../controller/roaming/roaming_group.ts";
import { EXIT } from "./exit_code.ts";
import { loadNamed } from "./load.ts";
import { reportFailures } from "./failures.ts";
import { printData, printMessage } from "./output.ts";
import type { ProgramHooks } from "./program.ts";
import { openProgress, type ProgressBar } from "./progress.ts";
import { RunCheck } from "./run_check.ts";
import { runReport } from "./run_report.ts";
import { listenForSignals } from "./signals.ts";
import { openStore } from "./store_uris.ts";
import { UsageError } from "./usage_error.ts";

/** The options of `sluice run` as commander gives them. */
export interface RunCommandOptions {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly set: readonly string[];
  readonly name?: string;
  readonly journal: string;
  readonly untilEnd: boolean;
  readonly workers: number;
  readonly isolation: Isolation;
  readonly clock: ClockPolicy;
  readonly seed: number;
  readonly onError: ErrorPolicy;
  readonly capture: CapturePolicy;
  readonly acceptGap: boolean;
  readonly tasks?: number;
  readonly store?: string;
  readonly owner?: string;
  readonly lease: number;
  readonly feedRecords: number;
  readonly linger: number;
  readonly recordTimeout: number;
  readonly shutdownTimeout: number;
  readonly effects?: string;
  readonly verify?: number;
  readonly onDivergence: "stop" | "warn";
  readonly json: boolean;
  readonly quiet: boolean;
  /** Which pipeline of a file with several. */
  readonly pipeline?: string;
  /** Whether a pipeline file is followed. */
  readonly watch?: boolean;
  /** Whether other runs go on beside it in this process. */
  readonly isOneOfMany?: boolean;
  /** Stops it as a signal does. */
  readonly stop?: AbortSignal;
}

/** Runs the command in sandboxes that belong to the caller; answers the exit code. */
export async function runCommand(
  pool: SandboxPool,
  script: string,
  options: RunCommandOptions,
  hooks: ProgramHooks = {},
): Promise<number> {
  if (options.watch) throw new UsageError(`Cannot watch ${script}: only pipeline files (.yaml) are followed`);
  return await runLoadedCommand(pool, await loadNamed(script, pool, options), options, hooks);
}

/** Like {@linkcode runCommand}, for a processor that is loaded. */
export async function runLoadedCommand(
  pool: SandboxPool,
  processor: LoadedProcessor,
  options: RunCommandOptions,
  hooks: ProgramHooks = {},
): Promise<number> {
  for (const finding of await lintBundle(processor.bundle)) printMessage(describeFinding(finding));
  const inputs = bindUris("--from", options.from, processor.info.inputs);
  const outputs = bindUris("--to", options.to, processor.info.outputs);
  const isStdin = [...inputs.values()].some((uri) => parseUri(uri).scheme === "stdio");
  const isStdout = [...outputs.values()].some((uri) => parseUri(uri).scheme === "stdio");
  const name = options.name ?? (isStdin ? unnamed(processor.info.name) : processor.info.name);
  if (options.store !== undefined && options.untilEnd) {
    throw new UsageError("Cannot share a run that ends: use --store without --until-end, and a signal ends it");
  }
  const from: Record<string, Source> = {};
  let to: Record<string, Sink> = {};
  let roaming: RoamingOptions | undefined;
  const uris = Object.fromEntries([...inputs].map(([input, uri]) => [input, absoluteUri(uri)]));
  const check = new RunCheck({ name, uris }, options);
  const signals = listenForSignals(options.shutdownTimeout * 1000);
  const startMs = performance.now();
  let progress: ProgressBar | undefined;
  try {
    for (const [input, uri] of inputs) {
      from[input] = await openSource(uri, { isBounded: options.untilEnd || isStdin, onNotice: printMessage });
    }
    const partitions = await Promise.all(Object.values(from).map((source) => source.partitions()));
    to = await openSinks(outputs, {
      run: name,
      tasks: partitions.flat().length,
      isShared: options.store !== undefined,
      onNotice: printMessage,
    });
    const { owner, lease } = options;
    if (options.store !== undefined) {
      roaming = await openStore(options.store, { run: name, owner, leaseMs: lease * 1000 });
    }
    const isWatched = options.untilEnd && !options.quiet && !options.json && !isStdout && !options.isOneOfMany;
    progress = isWatched ? await openProgress(Object.values(from)) : undefined;
    const { verify: _, ...rest } = options;
    const summary = await runLoaded(processor, pool, {
      ...rest,
      ...check.options,
      from,
      to,
      name,
      acceptsGaps: options.acceptGap,
      ...tasksFor(processor, options, partitions.flat().length),
      roaming,
      uris,
      limits: {
        feedRecordsMax: options.feedRecords,
        lingerMs: options.linger,
        recordTimeMsMax: options.recordTimeout * 1000,
        ...hooks.limits,
      },
      effects: await loadEffects(options.effects),
      observer: {
        onNotice: printMessage,
        onLog: printLog,
        onCommit: (task, committed) => progress?.advance(task, committed),
        ...hooks.observer,
      },
      stop: AbortSignal.any([signals.stop, check.stop, ...options.stop ? [options.stop] : []]),
    });
    progress?.close();
    const exitCode = await finish(summary, options, {
      sourceMap: processor.bundle.sourceMap,
      elapsedMs: performance.now() - startMs,
      isStdout,
    }) ?? (check.hasFound ? EXIT.divergence : undefined) ?? signals.exitCode;
    // A thread that cannot be stopped would keep the process alive for ever.
    if (summary.hasHung) Deno.exit(exitCode ?? EXIT.ok);
    return exitCode ?? EXIT.ok;
  } finally {
    progress?.close();
    signals.close();
    await check.close();
    for (const port of new Set([...Object.values(from), ...Object.values(to)])) await port.close();
    await roaming?.leases.close();
    await roaming?.store.close();
  }
}

/** Keys that are made anew may be equal in different partitions: then one task has to see them all. */
function tasksFor({ info }: LoadedProcessor, { tasks, store }: RunCommandOptions, partitions: number) {
  if (tasks !== undefined) return { tasksMax: tasks };
  // A run with several inputs has one task anyway.
  if (!info.graph?.regroups || store !== undefined || info.inputs.length > 1) return {};
  if (partitions > 1) {
    printMessage(
      `${info.name} makes keys anew, so one task takes all ${partitions} partitions. Where equal keys are never in ` +
        `different partitions, --tasks ${partitions} spreads them.`,
    );
  }
  return { tasksMax: 1 };
}

function printLog(task: string, { level, text }: LogLine): void {
  printMessage(`[${task}] ${level}: ${text}`);
}

/** Every unnamed reading of standard input is a run of its own: the next one brings other bytes. */
function unnamed(processor: string): string {
  return `${processor}-${new Date().toISOString().replace(/[-:.]/g, "")}-${Deno.pid}`;
}

interface Finish {
  readonly elapsedMs: number;
  readonly isStdout: boolean;
  readonly sourceMap: string;
}

/** Tells how it went; answers an exit code when it went wrong. */
async function finish(
  summary: RunSummary,
  options: RunCommandOptions,
  { elapsedMs, isStdout, sourceMap }: Finish,
): Promise<number | undefined> {
  const failures = summary.failures.filter((error) => !(error instanceof SinkError && error.isClosed));
  await reportFailures(failures, { run: summary.run, journal: options.journal, sourceMap });
  const report = runReport(summary, elapsedMs);
  if (options.json) (isStdout ? printMessage : printData)(JSON.stringify(report));
  else if (!options.quiet && !isStdout) printMessage(describe(report));
  return failures.length > 0 ? EXIT.failure : undefined;
}

function describe(
  { run, resumed, records, outputs, deadLetters, elapsedMs, recordsPerSecond }: ReturnType<typeof runReport>,
): string {
  const dead = deadLetters > 0 ? `, ${deadLetters} dead letters (sluice deadletters ls ${run})` : "";
  return `${run}: ${records} records → ${outputs} outputs${dead} in ${(elapsedMs / 1000).toFixed(2)} s ` +
    `(${recordsPerSecond} records/s)${resumed ? ", resumed" : ""}`;
}
