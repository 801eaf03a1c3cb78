/** `sluice deadletters ls | show | redrive`. */

import { MemorySource } from "../adapters/memory/source.ts";
import type { Sink } from "../adapters/sink.ts";
import type { Journal, JournaledCode, JournaledDeadLetter, Run } from "../controller/journal/journal.ts";
import { SqliteJournal } from "../controller/journal/sqlite_journal.ts";
import type { RunSummary } from "../controller/run.ts";
import { runLoaded } from "../controller/run_processor.ts";
import { openPool } from "../controller/sandbox/open_pool.ts";
import { SourcePositions } from "../controller/sandbox/source_positions.ts";
import { headersFromJson } from "../engine/headers.ts";
import { timeText } from "../engine/time_text.ts";
import { openSinks } from "./adapters.ts";
import { bindUris } from "./bindings.ts";
import { counted } from "./counted.ts";
import { offsetText } from "./offsets.ts";
import { EXIT } from "./exit_code.ts";
import { reportFailures } from "./failures.ts";
import { findRun } from "./find_run.ts";
import { loadEffects } from "./effects.ts";
import { loadOther } from "./load.ts";
import { printData, printMessage } from "./output.ts";
import { UsageError } from "./usage_error.ts";

/** Options that all of them share. */
export interface DeadLettersOptions {
  readonly journal: string;
  readonly json: boolean;
}

/** Lists the dead letters of a run. */
export function deadLettersList(runName: string, { journal: path, json }: DeadLettersOptions): number {
  const journal = SqliteJournal.openReader(path);
  const run = findRun(journal, runName);
  for (const letter of journal.deadLetters(run)) printData(json ? letterJson(run, letter) : letterLine(run, letter));
  journal.close();
  return EXIT.ok;
}

/** Shows one dead letter whole. */
export function deadLettersShow(runName: string, id: number, { journal: path, json }: DeadLettersOptions): number {
  const journal = SqliteJournal.openReader(path);
  const run = findRun(journal, runName);
  const letter = findLetter(journal, run, id);
  const stack = new SourcePositions(codeOf(journal, run, letter).sourceMap).translate(letter.failure.stack);
  journal.close();
  if (json) printData(letterJson(run, letter));
  else {
    const lines = [letterLine(run, letter), stack, ...describeEnvelope(letter), "value:", textOf(letter)];
    printData(lines.filter((part) => part !== "").join("\n"));
  }
  return EXIT.ok;
}

/** How to redrive. */
export interface RedriveOptions extends DeadLettersOptions {
  readonly with: string;
  readonly set: readonly string[];
  readonly to: readonly string[];
  readonly effects?: string;
  readonly id?: number;
}

/**
 * Runs dead letters through a (mended) processor into a sink of their own, as a run of its own: with a state of its own,
 * because the one they would have had is gone.
 */
export async function deadLettersRedrive(runName: string, options: RedriveOptions): Promise<number> {
  const journal = await SqliteJournal.open(options.journal);
  try {
    const run = findRun(journal, runName);
    const letters = options.id === undefined ? nextLetters(journal, run) : [findLetter(journal, run, options.id)];
    if (letters.length > 0) return await redrive(journal, run, letters, options);
    printMessage(`${runName}: no dead letters are left to redrive`);
    return EXIT.ok;
  } finally {
    journal.close();
  }
}

/** Those that are left; where a redrive did not come to its end, its own: what it has done is known to its run alone. */
function nextLetters(journal: Journal, run: Run): readonly JournaledDeadLetter[] {
  const left = [...journal.deadLetters(run)].filter(({ redrivenMs }) => redrivenMs === undefined);
  for (const { name } of journal.runs()) {
    const [, first, last] = name.startsWith(run.name)
      ? /^-redrive-(\d+)-(\d+)$/.exec(name.slice(run.name.length)) ?? []
      : [];
    if (!left.some(({ id }) => id === Number(first))) continue;
    return left.filter(({ id }) => Number(first) <= id && id <= Number(last));
  }
  return left;
}

async function redrive(
  journal: Journal,
  run: Run,
  letters: readonly JournaledDeadLetter[],
  options: RedriveOptions,
): Promise<number> {
  const name = `${run.name}-redrive-${letters[0].id}-${letters.at(-1)!.id}`;
  const pool = openPool({});
  let sinks: Record<string, Sink> = {};
  try {
    const processor = await loadOther(options.with, pool, { set: options.set, processor: run.processor });
    const effects = await loadEffects(options.effects);
    sinks = await openSinks(bindUris("--to", options.to, processor.info.outputs), {
      run: name,
      onNotice: printMessage,
    });
    const summary = await runLoaded(processor, pool, {
      from: sourcesOf(letters),
      to: sinks,
      journal: options.journal,
      name,
      capture: "all",
      clock: run.clock,
      seed: run.seed,
      effects,
    });
    const { bundle: { sourceMap } } = processor;
    await reportFailures(summary.failures, { run: summary.run, journal: options.journal, sourceMap });
    return finishRedrive(journal, run, letters, summary);
  } finally {
    for (const sink of new Set(Object.values(sinks))) await sink.close();
    pool.close();
  }
}

function finishRedrive(
  journal: Journal,
  run: Run,
  letters: readonly JournaledDeadLetter[],
  summary: RunSummary,
): number {
  if (summary.failures.length > 0) return EXIT.failure;
  const outputs = summary.tasks.reduce((sum, task) => sum + task.outputs, 0);
  journal.atomically(() => {
    for (const { id } of letters) journal.noteRedriven(id, Date.now());
  });
  const more = nextLetters(journal, run).length;
  const rest = more > 0 ? `; ${more} are left: redrive again` : "";
  printMessage(`${counted(letters.length, "dead letter")} redriven, ${counted(outputs, "output")}${rest}`);
  return EXIT.ok;
}

function sourcesOf(letters: readonly JournaledDeadLetter[]): Record<string, MemorySource> {
  const inputs = Map.groupBy(letters, ({ range }) => range.input);
  return Object.fromEntries([...inputs].map(([input, some]) => {
    const records = some.map(({ id, key, value, envelope: { headers, eventTimeMs } = {} }) => ({
      key,
      value,
      offset: BigInt(id),
      ...(eventTimeMs === undefined ? {} : { eventTimeMs }),
      ...(headers === undefined
        ? {}
        : { headers: headersFromJson(headers).map(({ name, value }) => [name, value] as const) }),
    }));
    return [input, new MemorySource(some[0].range.stream, { "0": records })];
  }));
}

/** The code that gave the letter up. */
function codeOf(journal: Journal, run: Run, { task: name, seq }: JournaledDeadLetter): JournaledCode {
  const taskJournal = journal.task(journal.tasks(run).find((task) => task.name === name)!);
  const [feed] = taskJournal.feeds(seq, seq + 1);
  const epoch = taskJournal.epochs().findLast(({ epoch }) => feed === undefined || epoch === feed.epoch)!;
  return journal.code(epoch.codeHash);
}

function findLetter(journal: Journal, run: Run, id: number): JournaledDeadLetter {
  for (const letter of journal.deadLetters(run)) if (letter.id === id) return letter;
  throw new UsageError(
    `Cannot find dead letter ${id}: run ${run.name} has none with that id; see \`sluice deadletters ls ${run.name}\``,
  );
}

function letterLine(run: Run, { id, seq, range, failure, redrivenMs }: JournaledDeadLetter): string {
  const { input, stream, partition } = range;
  const offset = offsetText(run.uris[input], range.offset);
  const redriven = redrivenMs === undefined ? "" : " (redriven)";
  return `${id}\t${stream}/${partition}@${offset}\tfeed ${seq}\t${failure.name}: ${failure.message}${redriven}`;
}

function letterJson(run: Run, letter: JournaledDeadLetter): string {
  const uri = run.uris[letter.range.input];
  const json = { ...letter, value: textOf(letter) };
  return JSON.stringify(json, (_name, value) => typeof value === "bigint" ? offsetText(uri, value) : value);
}

function describeEnvelope({ key, envelope: { headers, eventTimeMs } = {} }: JournaledDeadLetter): readonly string[] {
  return [
    ...(key === null ? [] : [`key: ${key}`]),
    ...(headers === undefined ? [] : [`headers: ${headers}`]),
    ...(eventTimeMs === undefined ? [] : [`time: ${timeText(eventTimeMs)}`]),
  ];
}

function textOf({ value }: JournaledDeadLetter): string {
  return value === null ? "null" : new TextDecoder().decode(value);
}
