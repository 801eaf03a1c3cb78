/** `sluice run`: runs a processor between streams. */

import { basename } from "@std/path";
import type { Source } from "../adapters/source.ts";
import { SinkError } from "../adapters/sink.ts";
import { systemClock } from "../controller/clock.ts";
import { lockRun } from "../controller/journal/lock.ts";
import { SqliteJournal } from "../controller/journal/sqlite_journal.ts";
import { DEFAULT_LIMITS } from "../controller/limits.ts";
import type { Route } from "../controller/routing.ts";
import { journaledCode, run, type RunSummary } from "../controller/run.ts";
import type { Observer } from "../controller/task_setup.ts";
import type { ClockPolicy } from "../engine/clock.ts";
import type { ErrorPolicy } from "../engine/failure.ts";
import type { CapturePolicy } from "../controller/task_setup.ts";
import type { Isolation } from "../controller/sandbox/sandbox.ts";
import { absoluteUri, openSink, openSource, parseUri } from "./adapters.ts";
import { EXIT } from "./exit_code.ts";
import { printData, printMessage } from "./output.ts";
import { loadProcessor } from "./load_processor.ts";
import { bindUris } from "./bindings.ts";
import { reportFailures } from "./failures.ts";
import { sandboxStarter } from "./isolation.ts";
import { listenForSignals } from "./signals.ts";
import { runReport } from "./run_report.ts";

/** The options of `sluice run` as commander gives them. */
export interface RunCommandOptions {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly name?: string;
  readonly journal: string;
  readonly untilEnd: boolean;
  readonly workers: number;
  readonly isolation: Isolation;
  readonly clock: ClockPolicy;
  readonly seed: number;
  readonly onError: ErrorPolicy;
  readonly capture: CapturePolicy;
  readonly feedRecords: number;
  readonly recordTimeout: number;
  readonly shutdownTimeout: number;
  readonly effects?: string;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Runs the command; answers the exit code. */
export async function runCommand(script: string, options: RunCommandOptions, observer: Observer = {}): Promise<number> {
  const startSandbox = sandboxStarter(options.isolation);
  const processor = await loadProcessor(script, startSandbox);
  const inputs = bindUris("--from", options.from, processor.info.inputs);
  const outputs = bindUris("--to", options.to, processor.info.outputs);
  const reads = [...inputs.values()];
  const isStdin = reads.some((uri) => parseUri(uri).scheme === "stdio");
  const name = options.name ?? (isStdin ? unnamed(processor.info.name) : processor.info.name);
  const journal = await SqliteJournal.open(options.journal);
  const lock = lockRun(options.journal, name, Date.now());
  const sources = new Map<string, Source>();
  const signals = listenForSignals(options.shutdownTimeout * 1000);
  const startMs = performance.now();
  try {
    for (const [input, uri] of inputs) sources.set(input, openSource(uri, { isBounded: options.untilEnd || isStdin }));
    const routes: Route[] = [];
    for (const [output, uri] of outputs) routes.push({ name: output, sink: await openSink(uri) });
    const summary = await run({
      name,
      processor: processor.info.name,
      uris: Object.fromEntries([...inputs].map(([input, uri]) => [input, absoluteUri(uri)])),
      journal,
      code: journaledCode(processor.bundle, basename(script)),
      sources,
      routes,
      clock: systemClock,
      clockPolicy: options.clock,
      seed: options.seed,
      limits: { ...DEFAULT_LIMITS, feedRecordsMax: options.feedRecords, recordTimeMsMax: options.recordTimeout * 1000 },
      onError: options.onError,
      capture: options.capture,
      effects: await loadEffects(options.effects),
      workers: options.workers,
      startSandbox,
      observer: {
        onNotice: printMessage,
        onLog: (task, { level, text }) => printMessage(`[${task}] ${level}: ${text}`),
        ...observer,
      },
      stop: signals.stop,
    });
    const exitCode = finish(summary, options, performance.now() - startMs, signals.exitCode);
    if (summary.hasHung) Deno.exit(exitCode);
    return exitCode;
  } finally {
    signals.close();
    for (const source of sources.values()) await source.close();
    journal.close();
    lock.release();
  }
}

/** Every unnamed reading of standard input is a run of its own: the next one brings other bytes. */
function unnamed(processor: string): string {
  return `${processor}-${new Date().toISOString().replace(/[-:.]/g, "")}-${Deno.pid}`;
}

function finish(
  summary: RunSummary,
  options: RunCommandOptions,
  elapsedMs: number,
  signalled: number | undefined,
): number {
  const isPipe = options.to.some((uri) => parseUri(uri.replace(/^\w+=/, "")).scheme === "stdio");
  const failures = summary.failures.filter((error) => !(error instanceof SinkError && error.isClosed));
  reportFailures(failures, summary.run, options.journal);
  const report = runReport(summary, elapsedMs);
  if (options.json) (isPipe ? printMessage : printData)(JSON.stringify(report));
  else if (!options.quiet && !isPipe) printMessage(describe(report));
  if (failures.length > 0) return EXIT.failure;
  return signalled ?? EXIT.ok;
}

function describe(
  { run, resumed, records, outputs, deadLetters, elapsedMs, recordsPerSecond }: ReturnType<typeof runReport>,
): string {
  const dead = deadLetters > 0 ? `, ${deadLetters} dead letters (sluice deadletters ls ${run})` : "";
  return `${run}: ${records} records → ${outputs} outputs${dead} in ${(elapsedMs / 1000).toFixed(2)} s ` +
    `(${recordsPerSecond} records/s)${resumed ? ", resumed" : ""}`;
}

async function loadEffects(path: string | undefined) {
  if (path === undefined) return {};
  return { ...await import(new URL(path, `file://${Deno.cwd()}/`).href) };
}
