/** A run: all tasks of one processor between its sources and sinks, in this process. */

import type { Source } from "../adapters/source.ts";
import type { ClockPolicy } from "../engine/clock.ts";
import { compareText } from "../engine/state.ts";
import { environmentFingerprint } from "./environment.ts";
import { JournalError, type Run, type Task as TaskRow, type TaskPartition } from "./journal/journal.ts";
import type { SandboxPool } from "./sandbox/pool.ts";
import type { Sandbox } from "./sandbox/sandbox.ts";
import { Task, type TaskSummary } from "./task.ts";
import type { TaskSetup } from "./task_setup.ts";

/** What a run is started with. */
export interface RunOptions extends
  Pick<
    TaskSetup,
    | "journal"
    | "code"
    | "sources"
    | "routes"
    | "clock"
    | "limits"
    | "onError"
    | "capture"
    | "effects"
    | "observer"
    | "stop"
  > {
  readonly name: string;
  /** The processor's name. */
  readonly processor: string;
  /** Input name → the URI that opens its source again. */
  readonly uris: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly clockPolicy: ClockPolicy;
  readonly pool: SandboxPool;
}

/** What a run did. */
export interface RunSummary {
  /** The name of the run. */
  readonly run: string;
  /** Whether the run went on from an earlier start. */
  readonly resumed: boolean;
  /** What each task did. */
  readonly tasks: readonly TaskSummary[];
  /** Why tasks stopped before their inputs ended; empty when all is well. */
  readonly failures: readonly Error[];
  /** A thread is left that cannot be stopped; end the process yourself. */
  readonly hasHung: boolean;
}

/** Runs until all inputs have ended, or `stop` aborts. A task that fails does not stop the others. */
export async function run(options: RunOptions): Promise<RunSummary> {
  const { journal, pool } = options;
  const known = journal.run(options.name);
  const found = await partitionsOf(options.sources);
  const [started, tasks] = journal.atomically(() => {
    const run = known ? resume(known, options) : create(options);
    noteStart(run, options, known ? "resumed" : "started");
    const rows = assignTasks(run, found, options);
    return [run, rows.map((row, index) => new Task(setupOf(options, run, row, () => pool.get(index))))];
  });
  const results = await Promise.allSettled(tasks.map((task) => task.run()));
  return {
    run: started.name,
    resumed: known !== undefined,
    tasks: tasks.map((task) => task.summary()),
    failures: results.flatMap((result) => result.status === "rejected" ? [asError(result.reason)] : []),
    hasHung: pool.hasHung,
  };
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

function setupOf(options: RunOptions, started: Run, row: TaskRow, sandbox: () => Sandbox): TaskSetup {
  return {
    ...options,
    run: started,
    taskJournal: options.journal.task(row),
    sandbox,
    environment: environmentFingerprint(),
  };
}

function identities(options: RunOptions): Pick<Run, "sources" | "sinks"> {
  return {
    sources: Object.fromEntries([...options.sources].map(([input, { identity }]) => [input, identity])),
    sinks: Object.fromEntries(options.routes.map(({ name, sink }) => [name, sink.description])),
  };
}

function create(options: RunOptions): Run {
  const { name, processor, uris, seed, clockPolicy, clock, journal } = options;
  return journal.createRun({
    name,
    processor,
    seed,
    clock: clockPolicy,
    uris,
    ...identities(options),
    createdMs: clock.nowMs(),
  });
}

/** A run keeps what fixes its results; other code is allowed, and noted. */
function resume(known: Run, options: RunOptions): Run {
  const { sources, sinks } = identities(options);
  refuseChange(known, "seed", String(known.seed), String(options.seed));
  refuseChange(known, "clock", known.clock, options.clockPolicy);
  refuseChange(known, "source", JSON.stringify(known.sources), JSON.stringify(sources));
  refuseChange(known, "sink", JSON.stringify(known.sinks), JSON.stringify(sinks));
  noteCodeChange(known, options);
  return known;
}

function refuseChange({ name }: Run, what: string, was: string, is: string): void {
  if (was === is) return;
  throw new JournalError(`Cannot resume run ${name}: its ${what} is ${was}, now ${is} is given; use another --name`, {
    code: "E_RUN_CHANGED",
  });
}

function noteCodeChange(known: Run, { journal, code, clock, observer }: RunOptions): void {
  const [task] = journal.tasks(known);
  const before = task && journal.task(task).epochs().at(-1)?.codeHash;
  if (before === undefined || before === code.hash) return;
  journal.addEvent(known, { kind: "code changed", atMs: clock.nowMs(), detail: { from: before, to: code.hash } });
  observer.onNotice?.(`Run ${known.name} goes on with changed code (${before.slice(0, 8)} → ${code.hash.slice(0, 8)})`);
}

function noteStart(started: Run, { journal, code, clock, onError }: RunOptions, kind: "started" | "resumed"): void {
  journal.putCode(code);
  journal.addEvent(started, { kind, atMs: clock.nowMs(), detail: { code: code.hash, onError } });
}

/** Tasks keep their partitions for good; partitions that are new become new tasks. */
function assignTasks(started: Run, found: readonly TaskPartition[], options: RunOptions): readonly TaskRow[] {
  const { journal, routes, sources } = options;
  const rows = [...journal.tasks(started)];
  const owned = new Set(rows.flatMap(({ partitions }) => partitions.map(keyOf)));
  const fresh = found.filter((partition) => !owned.has(keyOf(partition)));
  if (fresh.length === 0) return rows;
  const isSideBySide = sources.size === 1 && routes.every(({ sink }) => sink.takesManyTasks);
  if (rows.length > 0 && !isSideBySide) throw newPartitions(started, fresh);
  const groups = isSideBySide ? fresh.map((partition) => [partition]) : [fresh];
  for (const group of groups) rows.push(journal.createTask(started, String(rows.length), group));
  return rows;
}

async function partitionsOf(sources: ReadonlyMap<string, Source>): Promise<TaskPartition[]> {
  const found: TaskPartition[] = [];
  for (const [input, source] of sources) {
    for (const partition of await source.partitions()) found.push({ input, stream: source.stream, partition });
  }
  return found.sort((a, b) => compareText(keyOf(a), keyOf(b)));
}

function keyOf({ input, stream, partition }: TaskPartition): string {
  return `${input}\u0000${stream}\u0000${partition}`;
}

function newPartitions({ name }: Run, fresh: readonly TaskPartition[]): JournalError {
  const list = fresh.map(({ stream, partition }) => `${stream}/${partition}`).join(", ");
  return new JournalError(
    `Cannot resume run ${name}: ${list} is new, and its one task has fixed partitions; ` +
      "use another --name, or write to a folder, which has a task per partition",
    { code: "E_PARTITIONS_CHANGED" },
  );
}
