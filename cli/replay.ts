/** `sluice replay` and `sluice bisect`: run recorded feeds again, with the recorded code or another, and say what differs. */

import type { Sink } from "../adapters/sink.ts";
import type { JournaledCode } from "../controller/journal/journal.ts";
import type { Divergence } from "../controller/replay/divergence.ts";
import { replayHalt } from "../controller/replay/halt.ts";
import { haltOf } from "../controller/replay/halted.ts";
import type { Recording } from "../controller/replay/recording.ts";
import { type ReplayResult, replayTask } from "../controller/replay/replay.ts";
import { type ChangeKind, tryCode, type WhatIf } from "../controller/replay/what_if.ts";
import { openSinks } from "./adapters.ts";
import { counted } from "./counted.ts";
import { describeDivergence } from "./divergence_report.ts";
import { loadEffects } from "./effects.ts";
import type { InspectOptions } from "./inspect.ts";
import { EXIT } from "./exit_code.ts";
import { printData, printMessage } from "./output.ts";
import { loadOther } from "./load.ts";
import { RecordedRun, type RecordedRunOptions } from "./recorded_run.ts";
import { hasSelected, requireSelected, selectFeeds, type SelectionOptions } from "./selection.ts";

/** The options of `sluice replay` as commander gives them. */
export interface ReplayCommandOptions extends RecordedRunOptions, InspectOptions {
  readonly failed: boolean;
  readonly with?: string;
  readonly set: readonly string[];
  readonly only?: ChangeKind;
  readonly effects?: string;
  readonly to?: string;
  readonly step: boolean;
  readonly maxDivergences: number;
  readonly json: boolean;
}

/** What all tasks together came to. */
interface Totals {
  feeds: number;
  records: number;
  readonly divergences: Divergence[];
  readonly trials: WhatIf[];
}

/** Runs `sluice replay`; answers the exit code. */
export async function replayCommand(name: string, options: ReplayCommandOptions): Promise<number> {
  await using recorded = new RecordedRun(name, options);
  const startMs = performance.now();
  const totals: Totals = { feeds: 0, records: 0, divergences: [], trials: [] };
  const code = options.with === undefined ? undefined : await codeOf(options.with, options.set, recorded);
  if (options.inspect !== undefined || options.break !== undefined || options.log.length > 0) {
    const { inspectRecorded } = await import("./inspect.ts");
    return await inspectRecorded(recorded.recordings(), code, options);
  }
  requireSelected(recorded.recordings(), options);
  if (options.step) {
    const { stepThrough } = await import("./step.ts");
    const recordings = recorded.recordings();
    const recording = recordings.find((each) => hasSelected(each, options)) ?? recordings[0];
    return await stepThrough(recording, selectFeeds(recording, options), options.failed);
  }
  const to = new Map(options.to === undefined ? [] : [["default", options.to]]);
  const context = { run: `${recorded.run.name}-replay`, onNotice: printMessage };
  const { default: sink } = await openSinks(to, context) as { readonly default?: Sink };
  try {
    for (const recording of recorded.recordings()) await replayOne(recording, { code, sink }, options, totals);
  } finally {
    await sink?.close();
  }
  return report(recorded, totals, performance.now() - startMs, options);
}

interface ReplayParts {
  readonly code: JournaledCode | undefined;
  readonly sink: Sink | undefined;
}

async function replayOne(
  recording: Recording,
  { code, sink }: ReplayParts,
  options: ReplayCommandOptions,
  totals: Totals,
): Promise<void> {
  const task = recording.taskJournal.task.name;
  await sink?.acquire(task, 0n, undefined);
  let seq = 0;
  const shared = {
    ...selectFeeds(recording, options),
    divergencesMax: options.maxDivergences,
    ...(options.effects === undefined ? {} : { effects: await loadEffects(options.effects) }),
    onNotice: printMessage,
    onFed: async (
      _feed: unknown,
      { outputs, chain: digest }: Parameters<NonNullable<Parameters<typeof replayTask>[1]["onFed"]>>[1],
      outputNames: readonly string[],
    ) => {
      const rest = { epoch: 0n, outputs, outputNames, positions: [], digest };
      await sink?.commit({ run: recording.run.name, task, seq: seq++, ...rest });
    },
  };
  const halted = options.failed ? haltOf(recording) : undefined;
  if (code) {
    const only = options.only === undefined ? {} : { only: options.only };
    const trial = await tryCode(recording, { ...shared, ...only, ...(halted ? { halted } : {}), code });
    totals.trials.push(trial);
    return add(totals, trial);
  }
  add(totals, await replayTask(recording, shared));
  if (halted) add(totals, await replayHalt(recording, halted));
}

function add(totals: Totals, { feeds, records, divergences }: ReplayResult): void {
  totals.feeds += feeds;
  totals.records += records;
  totals.divergences.push(...divergences);
}

/** The code of another script. */
async function codeOf(script: string, set: readonly string[], { run, pool }: RecordedRun): Promise<JournaledCode> {
  const { bundle, script: name } = await loadOther(script, pool, { set, processor: run.processor });
  return { hash: bundle.hash, bundle: bundle.code, sourceMap: bundle.sourceMap, script: name };
}

function report(recorded: RecordedRun, totals: Totals, elapsedMs: number, options: ReplayCommandOptions): number {
  const { feeds, records, divergences, trials } = totals;
  const { run } = recorded;
  const recordsPerSecond = Math.round(records / Math.max(elapsedMs / 1000, 0.001));
  const summary = options.with === undefined ? undefined : sum(trials);
  const isSame = divergences.length === 0 && (summary?.recordsChanged ?? 0) === 0;
  if (options.json) {
    const trial = summary ? { whatIf: summary } : {};
    const rest = { elapsedMs: Math.round(elapsedMs), recordsPerSecond };
    printJson({ run: run.name, feeds, records, divergences, ...trial, ...rest });
  } else {
    const again = `sluice replay ${recorded.words}${options.with === undefined ? "" : ` --with ${options.with}`}`;
    for (const divergence of divergences) printMessage(describeDivergence(divergence, { run, again }));
    const verdict = feeds === 0 && records === 0
      ? options.failed ? "no record failed" : "there is none"
      : summary
      ? describeTrial(summary)
      : describeReplay(divergences.length, options.maxDivergences);
    printMessage(
      `${run.name}: ${counted(feeds, "feed")}, ${
        counted(records, "record")
      } replayed (${recordsPerSecond} records/s): ${verdict}`,
    );
  }
  return isSame ? EXIT.ok : EXIT.divergence;
}

function printJson(value: unknown): void {
  printData(JSON.stringify(value, (_name, each) => typeof each === "bigint" ? String(each) : each ?? null));
}

function describeReplay(count: number, max: number): string {
  if (count === 0) return "every output, state change and effect equals the recording";
  return count >= max ? `${count} or more divergences` : counted(count, "divergence");
}

type Summary = Omit<WhatIf, "feeds" | "records" | "divergences">;

function sum(trials: readonly WhatIf[]): Summary {
  const total = (count: (trial: WhatIf) => number) => trials.reduce((all, trial) => all + count(trial), 0);
  const outputs = (kind: keyof WhatIf["outputs"]) => total((trial) => trial.outputs[kind]);
  return {
    recordsChanged: total((trial) => trial.recordsChanged),
    outputs: {
      same: outputs("same"),
      changed: outputs("changed"),
      missing: outputs("missing"),
      extra: outputs("extra"),
    },
    errors: { fixed: total((trial) => trial.errors.fixed), new: total((trial) => trial.errors.new) },
    stateKeysChanged: total((trial) => trial.stateKeysChanged),
  };
}

function describeTrial({ recordsChanged, outputs, errors, stateKeysChanged }: Summary): string {
  if (recordsChanged === 0) return "the code does what was recorded";
  const { same, changed, missing, extra } = outputs;
  return [
    `${counted(recordsChanged, "record")} ${recordsChanged === 1 ? "does" : "do"} something else`,
    `  outputs: ${same} same, ${changed} changed, ${missing} missing, ${extra} extra`,
    `  errors: ${errors.fixed} fixed, ${errors.new} new`,
    `  state: ${counted(stateKeysChanged, "key")} ${stateKeysChanged === 1 ? "ends" : "end"} with another value`,
  ].join("\n");
}

/** The options of `sluice bisect` as commander gives them. */
export interface BisectCommandOptions extends RecordedRunOptions, SelectionOptions {
  readonly with: string;
  readonly set: readonly string[];
  readonly json: boolean;
}

/** Runs `sluice bisect`; answers the exit code. */
export async function bisectCommand(name: string, options: BisectCommandOptions): Promise<number> {
  await using recorded = new RecordedRun(name, options);
  requireSelected(recorded.recordings(), options);
  const code = await codeOf(options.with, options.set, recorded);
  const found: Divergence[] = [];
  let records = 0;
  for (const recording of recorded.recordings()) {
    const selection = selectFeeds(recording, options);
    const trial = await tryCode(recording, { ...selection, code, divergencesMax: 1, stopsAtFirst: true });
    found.push(...trial.divergences);
    records += trial.records;
  }
  if (options.json) {
    printJson({ run: recorded.run.name, records, first: found });
  } else {
    const again = `sluice replay ${recorded.words} --with ${options.with}`;
    for (const divergence of found) printMessage(describeDivergence(divergence, { run: recorded.run, again }));
    const verdict = found.length === 0 ? "no record does something else" : "the first record of each task that differs";
    printMessage(`${recorded.run.name}: ${counted(records, "record")} run through ${options.with}: ${verdict}`);
  }
  return found.length === 0 ? EXIT.ok : EXIT.divergence;
}
