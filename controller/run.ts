/** A run: all tasks of one processor between its sources and sinks, in this process. */

import type { ClockPolicy } from "../engine/clock.ts";
import { environmentFingerprint } from "./environment.ts";
import { assignTasks, countTasks, findFresh, isSideBySide } from "./assignment.ts";
import { JournalError, type JournalEvent, type Run, SHARED_THROUGH } from "./journal/journal.ts";
import { goesOn, requireSame, specOf } from "./run_spec.ts";
import { limitsFor } from "./limits.ts";
import { agree, follow, newPlan, type Plan, planOfJournal } from "./roaming/plan.ts";
import { RoamingGroup, type RoamingOptions } from "./roaming/roaming_group.ts";
import type { SandboxPool } from "./sandbox/pool.ts";
import type { TaskSummary } from "./task.ts";
import { TaskGroup } from "./task_group.ts";
import type { TaskSetup } from "./task_setup.ts";

type Codecs = Readonly<Record<string, string>>;

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
  /** The names of the processor's steps, where it is a pipeline. */
  readonly steps: readonly string[] | undefined;
  /** Names of the codecs of inputs and outputs; those of Avro hold the fingerprint of their schema. */
  readonly codecs: { readonly inputs: Codecs; readonly outputs: Codecs };
  readonly seed: number;
  readonly clockPolicy: ClockPolicy;
  /** See `AssignmentContext.tasksMax`. */
  readonly tasksMax: number | undefined;
  readonly pool: SandboxPool;
  /** Present when several processes share the run. */
  readonly roaming?: RoamingOptions | undefined;
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
  const { journal, roaming } = options;
  const found = journal.run(options.name);
  const plan = roaming && await planOf(options, roaming);
  const isAnew = found !== undefined && !goesOn(found, options);
  const known = isAnew ? undefined : found;
  const rows = known ? journal.tasks(known) : [];
  const fresh = plan ? [] : await findFresh(options.sources, rows, known);
  const tasks = plan ? plan.tasks.length : rows.length + countTasks(fresh, options);
  for (const sink of new Set(options.routes.map(({ sink }) => sink))) await sink.prepare?.(tasks);
  const started = journal.atomically(() => {
    if (known) noteCodeChange(known, options);
    const run = known ??
      (isAnew ? journal.restartRun(found, specOf(options)) : journal.createRun(plan?.run ?? specOf(options)));
    noteStart(run, options, known ? "resumed" : "started");
    if (plan) follow(journal, run, plan);
    else assignTasks(run, fresh, options);
    return run;
  });
  const limits = limitsFor(options.limits, options.routes.map(({ sink }) => sink));
  const shared = { ...options, limits, run: started, environment: environmentFingerprint() };
  const group = roaming ? new RoamingGroup({ ...shared, roaming }) : new TaskGroup(shared);
  const failures = await group.run();
  const hasHung = options.pool.hasHung;
  return { run: started.name, resumed: known !== undefined, tasks: group.summaries(), failures, hasHung };
}

/** What the processes of the run have agreed on; this one has to fit in. */
async function planOf(options: RunOptions, { store }: RoamingOptions): Promise<Plan> {
  refuseToRoam(options);
  const known = options.journal.run(options.name);
  const plan = await agree(store, async () => {
    return known ? planOfJournal(options.journal, known) : await newPlan(specOf(options), options);
  });
  requireSame(plan.run, options);
  if (known && known.createdMs !== plan.run.createdMs) {
    throw new JournalError(
      `Cannot resume run ${known.name}: ${store.description} has a run of that name that was begun at another time; use ` +
        "another --name, or another journal",
      { code: "E_RUN_CHANGED" },
    );
  }
  return plan;
}

function refuseToRoam(options: RunOptions): void {
  const reason = reasonToStay(options);
  if (reason === undefined) return;
  throw new JournalError(`Cannot share run ${options.name} among processes: ${reason}; leave --store out`, {
    code: "E_NOT_SHAREABLE",
  });
}

/** Every task must be able to run on any machine, and to retire alone. */
function reasonToStay({ sources, routes, tasksMax }: RunOptions): string | undefined {
  const local = routes.find(({ sink }) => sink.home === "journal" && sink.guarantee === "exactly-once");
  if (local) return `${local.sink.description} is written by one machine`;
  if (!isSideBySide({ sources, routes })) return "it has one task, which has all inputs or writes alone";
  const splits = [...sources.values()].some(({ resharding }) => resharding !== undefined);
  // One that still reads elsewhere could not be stopped for good by whoever hands over.
  return splits && tasksMax !== undefined
    ? "partitions that are split and merged need a task each, without --tasks"
    : undefined;
}

/** The change is a place in each task: the feed from which on the new code runs, and where its partitions stand then. */
function noteCodeChange(known: Run, { journal, code, clock, observer, steps }: RunOptions): void {
  const tasks = journal.tasks(known);
  const before = tasks[0] && journal.task(tasks[0]).epochs().at(-1)?.codeHash;
  if (before === undefined || before === code.hash) return;
  const changes = stepChanges(journal.events(known), steps);
  for (const task of tasks) {
    const taskJournal = journal.task(task);
    const positions = [...taskJournal.progress()].map(([partition, { position }]) => [partition, String(position)]);
    journal.addEvent(known, {
      kind: "code changed",
      task: task.name,
      seq: (taskJournal.lastFeed()?.seq ?? -1) + 1,
      atMs: clock.nowMs(),
      detail: { from: before, to: code.hash, ...changes, positions: Object.fromEntries(positions) },
    });
  }
  const { stepsAdded = [], stepsRemoved = [] } = changes;
  const says = [["with", stepsAdded], ["without", stepsRemoved]] as const;
  const list = says.flatMap(([word, names]) => names.length > 0 ? [`, ${word} ${names.join(", ")}`] : []).join("");
  observer.onNotice?.(
    `Run ${known.name} goes on with changed code (${before.slice(0, 8)} → ${code.hash.slice(0, 8)})${list}`,
  );
}

interface StepChanges {
  readonly stepsAdded?: readonly string[];
  readonly stepsRemoved?: readonly string[];
}

/** Which steps of a pipeline have come and gone since the run was last started. */
function stepChanges(events: readonly JournalEvent[], now: readonly string[] | undefined): StepChanges {
  const before = events.findLast(({ detail }) => Array.isArray(detail.steps))?.detail.steps as string[] | undefined;
  if (before === undefined || now === undefined) return {};
  return {
    stepsAdded: now.filter((name) => !before.includes(name)),
    stepsRemoved: before.filter((name) => !now.includes(name)),
  };
}

function noteStart(started: Run, options: RunOptions, kind: "started" | "resumed"): void {
  const { journal, code, clock, onError, steps, codecs, roaming } = options;
  journal.putCode(code);
  const shared = roaming && { [SHARED_THROUGH]: roaming.store.description };
  const detail = { code: code.hash, onError, codecs, ...(steps === undefined ? {} : { steps }), ...shared };
  journal.addEvent(started, { kind, atMs: clock.nowMs(), detail });
}
