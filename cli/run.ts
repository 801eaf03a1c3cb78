/** `sluice run`: runs a processor between streams. */

import { SinkError } from "../adapters/sink.ts";
import type { LoadedProcessor } from "../controller/load_processor.ts";
import type { RunSummary } from "../controller/run.ts";
import { runLoaded } from "../controller/run_processor.ts";
import type { SandboxPool } from "../controller/sandbox/pool.ts";
import type { Isolation } from "../controller/sandbox/sandbox.ts";
import type { CapturePolicy } from "../controller/task_setup.ts";
import type { ClockPolicy } from "../engine/clock.ts";
import type { ErrorPolicy } from "../engine/failure.ts";
import { lintBundle } from "../controller/sandbox/lint.ts";
import { describeFinding } from "./check.ts";
import { counted } from "./counted.ts";
import { loadEffects } from "./effects.ts";
import { EXIT } from "./exit_code.ts";
import { loadNamed } from "./load.ts";
import { reportFailures } from "./failures.ts";
import { printData, printMessage } from "./output.ts";
import type { ProgramHooks } from "./program.ts";
import { openCounter, openProgress, type Progress } from "./progress.ts";
import { RunCheck } from "./run_check.ts";
import { planRun, RunEnds, type RunPlan } from "./run_ends.ts";
import { runReport } from "./run_report.ts";
import { listenForSignals } from "./signals.ts";
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
  const findings = await lintBundle(processor.bundle, { isOwnOnly: true });
  for (const finding of findings) printMessage(describeFinding(finding));
  const plan = planRun(processor, options);
  const effects = await loadEffects(options.effects);
  let progress: Progress | undefined;
  const say = (text: string) => progress ? progress.say(text) : printMessage(text);
  const check = new RunCheck(plan, options, say);
  const { shutdownTimeout } = options;
  const signals = listenForSignals(
    shutdownTimeout * 1000,
    () => say(`Not finished within ${shutdownTimeout} s, cut off; what is not committed is done by the next start`),
  );
  const stop = AbortSignal.any([signals.stop, check.stop, ...options.stop ? [options.stop] : []]);
  const startMs = performance.now();
  await using ends = new RunEnds();
  try {
    if (!await ends.open(plan, options, { stop, say })) {
      say(`${plan.name}: stopped before it had begun`);
      return signals.exitCode ?? EXIT.ok;
    }
    progress = await openLook(plan, ends, options);
    const { verify: _, ...rest } = options;
    const summary = await runLoaded(processor, pool, {
      ...rest,
      ...check.options,
      ...tasksFor(processor, options, ends.partitions),
      from: ends.from,
      to: ends.to,
      roaming: ends.roaming,
      name: plan.name,
      uris: plan.uris,
      acceptsGaps: options.acceptGap,
      limits: {
        feedRecordsMax: options.feedRecords,
        lingerMs: options.linger,
        recordTimeMsMax: options.recordTimeout * 1000,
        ...hooks.limits,
      },
      effects,
      observer: {
        onNotice: say,
        onLog: (task, { level, text }) => say(`[${task}] ${level}: ${text}`),
        onCommit: (task, committed) => progress?.advance(task, committed),
        ...hooks.observer,
      },
      stop,
    });
    progress?.close();
    progress = undefined;
    const exitCode = await finish(summary, options, {
      sourceMap: processor.bundle.sourceMap,
      elapsedMs: performance.now() - startMs,
      isStdout: plan.isStdout,
    }) ?? (check.hasFound ? EXIT.divergence : undefined) ?? signals.exitCode;
    // A thread that cannot be stopped would keep the process alive for ever; where others run, the last one ends it.
    if (summary.hasHung && !options.isOneOfMany) Deno.exit(exitCode ?? EXIT.ok);
    return exitCode ?? EXIT.ok;
  } finally {
    progress?.close();
    signals.close();
    await check.close();
  }
}

/** Says that a run goes on until it is stopped, and opens what shows how far it has come, where somebody looks. */
async function openLook(
  { name, inputs, isStdout, isFollowing }: RunPlan,
  { from }: RunEnds,
  { quiet, json, isOneOfMany }: RunCommandOptions,
): Promise<Progress | undefined> {
  if (quiet || json) return undefined;
  if (isFollowing) printMessage(`${name}: follows ${[...inputs.values()].join(", ")} until it is stopped (Ctrl-C)`);
  if (isStdout || isOneOfMany) return undefined;
  return await (isFollowing ? openCounter() : openProgress(Object.values(from)));
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
  { run, resumed, records, outputs, deadLetters, skipped, elapsedMs, recordsPerSecond }: ReturnType<typeof runReport>,
): string {
  const dead = deadLetters > 0 ? `, ${counted(deadLetters, "dead letter")} (sluice deadletters ls ${run})` : "";
  const failed = skipped > 0 ? `, ${skipped} failed and skipped (sluice replay ${run} --failed)` : "";
  return `${run}: ${counted(records, "record")} → ${counted(outputs, "output")}${dead}${failed} in ${
    (elapsedMs / 1000).toFixed(2)
  } s ` +
    `(${recordsPerSecond} records/s)${resumed ? ", resumed" : ""}`;
}
