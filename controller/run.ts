/** A run: all tasks of one processor between its sources and sinks, in this process. */

import type { ClockPolicy } from "../engine/clock.ts";
import { environmentFingerprint } from "./environment.ts";
import { assignTasks, startsOf, unassigned } from "./assignment.ts";
import { JournalError, type Run } from "./journal/journal.ts";
import { limitsFor } from "./limits.ts";
import type { SandboxPool } from "./sandbox/pool.ts";
import type { TaskSummary } from "./task.ts";
import { TaskGroup } from "./task_group.ts";
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
    | "acceptsGaps"
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
  /** See `AssignmentContext.tasksMax`. */
  readonly tasksMax: number | undefined;
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
  const { journal } = options;
  const known = journal.run(options.name);
  const rows = known ? journal.tasks(known) : [];
  const fresh = await startsOf(await unassigned(options.sources, rows), options.sources);
  const started = journal.atomically(() => {
    const run = known ? resume(known, options) : create(options);
    noteStart(run, options, known ? "resumed" : "started");
    assignTasks(run, fresh, options);
    return run;
  });
  const limits = limitsFor(options.limits, options.routes.map(({ sink }) => sink));
  const group = new TaskGroup({ ...options, limits, run: started, environment: environmentFingerprint() });
  const failures = await group.run();
  const tasks = group.summaries();
  return { run: started.name, resumed: known !== undefined, tasks, failures, hasHung: options.pool.hasHung };
}

function identities(options: RunOptions): Pick<Run, "sources" | "sinks"> {
  return {
    sources: Object.fromEntries([...options.sources].map(([input, { identity }]) => [input, identity])),
    sinks: Object.fromEntries(
      options.routes.flatMap(({ names, sink }) => names.map((name) => [name, sink.description])),
    ),
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
