/** `sluice rewind`: moves a stopped run back, after saying what that means. */

import type { Run, TaskJournal } from "../controller/journal/journal.ts";
import { lockRun } from "../controller/journal/lock.ts";
import { SqliteJournal } from "../controller/journal/sqlite_journal.ts";
import type { TaskInJournal } from "../controller/journal/positions.ts";
import { planRewind, rewind, type RewindPlan } from "../controller/rewind.ts";
import { counted } from "./counted.ts";
import { EXIT } from "./exit_code.ts";
import { findRun } from "./find_run.ts";
import { offsetText, parseOffset } from "./offsets.ts";
import { printData, printMessage } from "./output.ts";
import { UsageError } from "./usage_error.ts";

/** The options as commander gives them. */
export interface RewindCommandOptions {
  readonly journal: string;
  readonly task?: string;
  readonly toFeed?: number;
  readonly to?: string;
  readonly yes: boolean;
  readonly emitAgain: boolean;
  readonly json: boolean;
}

/** Runs the command; answers the exit code. */
export async function rewindCommand(name: string, options: RewindCommandOptions): Promise<number> {
  // Looking first: a journal is not created by a mistyped path.
  SqliteJournal.openReader(options.journal).close();
  const journal = await SqliteJournal.open(options.journal);
  try {
    const run = findRun(journal, name);
    // Whoever is to change it must be alone with it from the first look on.
    const lock = options.yes ? lockRun(options.journal, name, Date.now()) : undefined;
    try {
      const { taskJournal, toFeed } = theTask(journal, run, options);
      const target = { journal, run, taskJournal };
      const plan = planRewind(target, toFeed);
      if (options.yes) await execute(target, plan, options);
      report(run, plan, options);
    } finally {
      lock?.release();
    }
    return EXIT.ok;
  } finally {
    journal.close();
  }
}

async function execute(target: TaskInJournal, plan: RewindPlan, { emitAgain }: RewindCommandOptions): Promise<void> {
  if (plan.outputs > 0 && !emitAgain) throw emitsAgain(target.run, plan);
  await rewind(target, plan, Date.now());
}

function theTask(
  journal: SqliteJournal,
  run: Run,
  { task: wanted, toFeed, to }: RewindCommandOptions,
): { readonly taskJournal: TaskJournal; readonly toFeed: number } {
  if ((toFeed === undefined) === (to === undefined)) {
    throw new UsageError("Cannot rewind: either --to-feed N or --to stream/partition:offset is wanted");
  }
  const tasks = journal.tasks(run).map((task) => journal.task(task));
  if (to !== undefined) return placeOf(tasks, to);
  const found = wanted === undefined ? tasks : tasks.filter(({ task }) => task.name === wanted);
  if (found.length === 1) return { taskJournal: found[0], toFeed: toFeed! };
  const names = tasks.map(({ task }) => task.name).join(", ");
  throw new UsageError(`Cannot rewind: run ${run.name} has the tasks ${names}; choose one with --task`);
}

function placeOf(tasks: readonly TaskJournal[], to: string): { taskJournal: TaskJournal; toFeed: number } {
  const [, place, digits] = /^(.+):(\d+(?:[-.]\d+)?)$/.exec(to) ?? [];
  const offset = digits === undefined ? undefined : parseOffset(digits);
  for (const taskJournal of tasks) {
    const partition = taskJournal.task.partitions.find((each) => `${each.stream}/${each.partition}` === place);
    if (!partition || offset === undefined) continue;
    for (const { seq, ranges } of taskJournal.feeds(taskJournal.firstReplayable(), Infinity)) {
      const isIn = ranges.some((range) =>
        range.stream === partition.stream && range.partition === partition.partition && offset < range.to
      );
      if (isIn) return { taskJournal, toFeed: seq };
    }
    throw new UsageError(`Cannot rewind to ${to}: the task has not read so far`);
  }
  throw new UsageError(`Cannot rewind to ${to}: stream/partition:offset of one of the run's partitions is wanted`);
}

function emitsAgain(run: Run, { outputs, toFeed, lastFeed }: RewindPlan): UsageError {
  return new UsageError(
    `Cannot rewind run ${run.name}: feeds ${toFeed} to ${lastFeed} emitted ${counted(outputs, "output")}, which ` +
      `${sinksOf(run)} has and would get a second time; say --emit-again if that is meant`,
  );
}

function sinksOf({ sinks }: Run): string {
  return [...new Set(Object.values(sinks))].join(", ");
}

function report(run: Run, plan: RewindPlan, { json, yes, emitAgain }: RewindCommandOptions): void {
  const { task, toFeed, lastFeed, records, outputs, positions } = plan;
  const places = [...positions].map(([key, { position }]) => {
    const [input] = key.split("/", 1);
    return [key.slice(input.length + 1), offsetText(run.uris[input], position)] as const;
  });
  if (json) {
    const rest = { isDone: yes, positions: Object.fromEntries(places) };
    return printData(JSON.stringify({ run: run.name, task, toFeed, lastFeed, records, outputs, ...rest }));
  }
  const verb = yes ? "goes" : "would go";
  const lines = [
    `Task ${task} of run ${run.name} ${verb} back to where it stood before feed ${toFeed}:`,
    ...places.map(([place, offset]) => `  ${place} goes on at ${offset}`),
    `  feeds ${toFeed} to ${lastFeed} (${counted(records, "record")}, ${
      counted(outputs, "output")
    }) are done again, with the code it is run with next`,
    outputs === 0
      ? "  they emitted nothing: no output comes twice"
      : `  ${sinksOf(run)} keeps the ${counted(outputs, "output")} it has; what is emitted again comes behind them`,
  ];
  if (yes) lines.push("Run it again to go on from there.");
  else lines.push(`Nothing was changed. To do it, say --yes${outputs > 0 && !emitAgain ? " --emit-again" : ""}.`);
  printMessage(lines.join("\n"));
}
