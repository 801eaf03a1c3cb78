/** `sluice replay`: runs recorded feeds again and says what differs. */

import type { Sink } from "../adapters/sink.ts";
import type { Source } from "../adapters/source.ts";
import type { FeedEntry, JournaledCode, Run, Task, TaskJournal } from "../controller/journal/journal.ts";
import { loadProcessor } from "../controller/load_processor.ts";
import { SqliteJournal } from "../controller/journal/sqlite_journal.ts";
import { DEFAULT_LIMITS } from "../controller/limits.ts";
import { type Divergence, type ReplayResult, replayTask } from "../controller/replay.ts";
import { replayHalt } from "../controller/replay_halt.ts";
import { openPool } from "../controller/sandbox/open_pool.ts";
import type { SandboxPool } from "../controller/sandbox/pool.ts";
import type { Sandbox } from "../controller/sandbox/sandbox.ts";
import { openSinks, openSource } from "./adapters.ts";
import { EXIT } from "./exit_code.ts";
import { findRun } from "./find_run.ts";
import { parseUri } from "./uri.ts";
import { offsetText } from "./offsets.ts";
import { printData, printMessage } from "./output.ts";
import { type OffsetRange, parseFeedRange, parseOffsetRange } from "./ranges.ts";
import { parseParameters, scriptOf } from "./processors.ts";
import { UsageError } from "./usage_error.ts";

/** The options of `sluice replay` as commander gives them. */
export interface ReplayCommandOptions {
  readonly journal: string;
  readonly task?: string;
  readonly feeds?: string;
  readonly offsets?: string;
  readonly failed: boolean;
  readonly with?: string;
  readonly set: readonly string[];
  readonly to?: string;
  readonly maxDivergences: number;
  readonly json: boolean;
}

interface Totals {
  feeds: number;
  records: number;
  readonly divergences: Divergence[];
}

/** Runs the command; answers the exit code. */
export async function replayCommand(runName: string, options: ReplayCommandOptions): Promise<number> {
  const journal = SqliteJournal.openReader(options.journal);
  const pool = openPool({});
  const startMs = performance.now();
  const totals: Totals = { feeds: 0, records: 0, divergences: [] };
  const context = { run: `${runName}-replay`, tasks: 1, onNotice: printMessage };
  const to = new Map(options.to === undefined ? [] : [["default", options.to]]);
  const { default: sink } = await openSinks(to, context) as { readonly default?: Sink };
  try {
    const run = findRun(journal, runName);
    const withCode = options.with === undefined ? undefined : await loadOther(options.with, options.set, pool);
    const sources = await openSources(run);
    for (const task of tasksOf(journal, run, options.task)) {
      const context = { journal, run, taskJournal: journal.task(task), sources, sandbox: () => pool.get(0) };
      await replayOne({ ...context, withCode, sink }, options, totals);
    }
    for (const source of sources.values()) await source.close();
    return report(run, totals, performance.now() - startMs, options);
  } finally {
    await sink?.close();
    pool.close();
    journal.close();
  }
}

interface TaskContext {
  readonly journal: SqliteJournal;
  readonly run: Run;
  readonly taskJournal: TaskJournal;
  readonly sources: ReadonlyMap<string, Source>;
  readonly sandbox: () => Sandbox;
  readonly withCode: JournaledCode | undefined;
  readonly sink: Sink | undefined;
}

async function replayOne(context: TaskContext, options: ReplayCommandOptions, totals: Totals): Promise<void> {
  const { journal, run, sandbox, sources, withCode, sink, taskJournal } = context;
  const shared = { journal, run, sandbox, taskJournal, limits: DEFAULT_LIMITS, ...(withCode ? { withCode } : {}) };
  const { from, to } = options.feeds === undefined ? { from: 0, to: Infinity } : parseFeedRange(options.feeds);
  const offsets = options.offsets === undefined
    ? undefined
    : parseOffsetRange(options.offsets, taskJournal.task.partitions);
  const task = taskJournal.task.name;
  await sink?.acquire(task, 0n, undefined);
  const result = await replayTask({
    ...shared,
    sources,
    from,
    to,
    isWanted: (entry) => (!options.failed || entry.failures > 0) && (offsets === undefined || overlaps(entry, offsets)),
    divergencesMax: options.maxDivergences,
    onFed: async ({ seq }, { outputs, chain: digest }, outputNames) =>
      void await sink?.commit({ task, seq, epoch: 0n, outputs, outputNames, positions: [], digest }),
  });
  add(totals, result);
  if (!options.failed) return;
  const halt = journal.events(run).findLast((event) => event.kind === "halted" && event.task === task);
  const isOpen = halt !== undefined && halt.seq! > (taskJournal.lastFeed()?.seq ?? -1);
  if (isOpen) add(totals, await replayHalt(shared, halt));
}

function add(totals: Totals, { feeds, records, divergences }: ReplayResult): void {
  totals.feeds += feeds;
  totals.records += records;
  totals.divergences.push(...divergences);
}

function overlaps({ ranges }: FeedEntry, { stream, partition, from, to }: OffsetRange): boolean {
  return ranges.some((range) =>
    range.stream === stream && range.partition === partition && range.from < to && range.to > from
  );
}

async function openSources({ uris }: Run): Promise<Map<string, Source>> {
  const rereadable = Object.entries(uris).filter(([, uri]) => parseUri(uri).scheme !== "stdio");
  const opened = rereadable.map(async ([input, uri]) => [input, await openSource(uri, { isBounded: true })] as const);
  return new Map(await Promise.all(opened));
}

function tasksOf(journal: SqliteJournal, run: Run, wanted: string | undefined): readonly Task[] {
  const tasks = journal.tasks(run);
  if (wanted === undefined) return tasks;
  const found = tasks.filter(({ name }) => name === wanted);
  if (found.length > 0) return found;
  throw new UsageError(
    `Cannot replay task ${wanted}: run ${run.name} has the tasks ${tasks.map(({ name }) => name).join(", ")}`,
  );
}

async function loadOther(script: string, set: readonly string[], pool: SandboxPool): Promise<JournaledCode> {
  const { bundle, script: name } = await loadProcessor(scriptOf(script), pool, parseParameters(set));
  return { hash: bundle.hash, bundle: bundle.code, sourceMap: bundle.sourceMap, script: name };
}

function report(run: Run, totals: Totals, elapsedMs: number, options: ReplayCommandOptions): number {
  const { feeds, records, divergences } = totals;
  const recordsPerSecond = Math.round(records / Math.max(elapsedMs / 1000, 0.001));
  if (options.json) {
    const json = { run: run.name, feeds, records, divergences, elapsedMs: Math.round(elapsedMs), recordsPerSecond };
    printData(JSON.stringify(json, (_name, value) => typeof value === "bigint" ? String(value) : value ?? null));
  } else {
    for (const divergence of divergences) printMessage(describe(divergence, run));
    const verdict = divergences.length === 0
      ? "every output, state change and effect equals the recording"
      : `${divergences.length}${divergences.length >= options.maxDivergences ? " or more" : ""} divergences`;
    printMessage(
      `${run.name}: ${feeds} feeds, ${records} records replayed (${recordsPerSecond} records/s): ${verdict}`,
    );
  }
  return divergences.length === 0 ? EXIT.ok : EXIT.divergence;
}

function describe(divergence: Divergence, { name: run, uris }: Run): string {
  const { task, feed, record, input, field, recorded, replayed, cause } = divergence;
  const offset = record && offsetText(input === undefined ? undefined : uris[input], record.offset);
  const place = record ? `${record.stream}/${record.partition}@${offset}` : "a timer or hook";
  return [
    `DIVERGED ${place} (task ${task}, feed ${feed}), cause: ${cause}`,
    `  ${field}`,
    `    recorded  ${show(recorded)}`,
    `    replayed  ${show(replayed)}`,
    `  again: sluice replay ${run} --task ${task} --feeds ${feed}..${feed + 1}`,
  ].join("\n");
}

const SHOWN_MAX = 400;

function show(value: unknown): string {
  const text = value === undefined ? "nothing" : typeof value === "string" ? value : JSON.stringify(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}
