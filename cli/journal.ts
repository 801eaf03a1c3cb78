/** `sluice journal ls | show | verify | prune`. */

import { type FeedEntry, type JournalEvent, livingTasks, type Run } from "../controller/journal/journal.ts";
import { pruneRun } from "../controller/journal/prune.ts";
import { SqliteJournal } from "../controller/journal/sqlite_journal.ts";
import { verifyJournal } from "../controller/journal/verify.ts";
import { toHex } from "../engine/digest.ts";
import { counted } from "./counted.ts";
import { EXIT } from "./exit_code.ts";
import { findRun } from "./find_run.ts";
import { offsetText } from "./offsets.ts";
import { printData, printMessage } from "./output.ts";
import { parseFeedRange } from "./ranges.ts";

/** Options that all of them share. */
export interface JournalCommandOptions {
  readonly journal: string;
  readonly json: boolean;
}

/** Lists the runs of a journal. */
export function journalList({ journal: path, json }: JournalCommandOptions): number {
  const journal = SqliteJournal.openReader(path);
  for (const run of journal.runs()) {
    const tasks = journal.tasks(run);
    const feeds = tasks.reduce((sum, task) => sum + (journal.task(task).lastFeed()?.seq ?? -1) + 1, 0);
    const lasts = livingTasks(tasks).map((task) => journal.task(task).lastFeed());
    const state = journal.events(run).findLast(({ kind }) => kind === "halted") && lasts.some((last) => !last?.isEnd)
      ? "halted"
      : lasts.every((last) => last?.isEnd)
      ? "ended"
      : "open";
    const created = new Date(run.createdMs).toISOString();
    const row = { run: run.name, processor: run.processor, tasks: tasks.length, feeds, state, created };
    printData(
      json
        ? JSON.stringify(row)
        : `${run.name}\t${run.processor}\t${counted(tasks.length, "task")}\t${
          counted(feeds, "feed")
        }\t${state}\t${created}`,
    );
  }
  journal.close();
  return EXIT.ok;
}

/** Shows the feeds and events of a run. */
export function journalShow(
  runName: string,
  { journal: path, json, feeds }: JournalCommandOptions & { readonly feeds?: string },
): number {
  const journal = SqliteJournal.openReader(path);
  const run = findRun(journal, runName);
  const { from, to } = feeds === undefined ? { from: 0, to: Infinity } : parseFeedRange(feeds);
  if (!json) printData(`run ${run.name}: processor ${run.processor}, seed ${run.seed}, clock ${run.clock}`);
  for (const event of journal.events(run)) {
    const { kind, task, seq, atMs, detail } = event;
    if (json) printData(JSON.stringify({ event: kind, task, seq, atMs, detail }));
    else {printData(
        `${new Date(atMs).toISOString()}  ${kind}${task === undefined ? "" : ` task ${task}`}${
          seq === undefined ? "" : ` feed ${seq}`
        }${kind === "resharded" ? heirsText(detail) : ""}`,
      );}
  }
  for (const task of journal.tasks(run)) {
    for (const entry of journal.task(task).feeds(from, to)) {
      printData(json ? feedJson(run, task.name, entry) : feedLine(run, task.name, entry));
    }
  }
  journal.close();
  return EXIT.ok;
}

function heirsText({ from, to }: JournalEvent["detail"]): string {
  const heirs = (to as { readonly task: string; readonly partitions: readonly string[] }[]).map((
    { task, partitions },
  ) => `${task} (${partitions.join(", ")})`);
  return ` task ${(from as string[]).join(", ")}: task ${heirs.join(", ")} on`;
}

function feedJson({ uris }: Run, task: string, { chain, inputDigest, ...entry }: FeedEntry): string {
  const ranges = entry.ranges.map((range) => {
    const text = (offset: bigint) => offsetText(uris[range.input], offset);
    return { ...range, from: text(range.from), to: text(range.to) };
  });
  const feed = { task, ...entry, ranges, digest: toHex(chain), inputDigest: toHex(inputDigest) };
  return JSON.stringify(feed, (_name, value) => typeof value === "bigint" ? String(value) : value);
}

function feedLine({ uris }: Run, task: string, entry: FeedEntry): string {
  const { seq, ranges, records, outputs, failures, chain, isReborn, isEnd, receipts, givenUp } = entry;
  const places = ranges.map(({ input, stream, partition, from, to }) => {
    const text = (offset: bigint) => offsetText(uris[input], offset);
    return `${stream}/${partition} ${text(from)} to ${text(to)}`;
  }).join(", ");
  const marks = [
    givenUp ?? "",
    isReborn && "realm reborn",
    isEnd && "end",
    failures > 0 && `${failures} failed`,
    !receipts && "not settled",
  ];
  const suffix = marks.filter((mark) => mark).join(", ");
  return `task ${task} feed ${seq}: ${places || "no records"}: ${counted(records, "record")}, ${
    counted(outputs, "output")
  }, digest ${toHex(chain).slice(0, 12)}${suffix ? ` (${suffix})` : ""}`;
}

/** Verifies a journal; fails when something is wrong with it. */
export function journalVerify({ journal: path, json }: JournalCommandOptions): number {
  const journal = SqliteJournal.openReader(path);
  const report = verifyJournal(journal);
  journal.close();
  if (json) printData(JSON.stringify(report));
  for (const problem of json ? [] : report.problems) printMessage(problem);
  if (!json) {
    printMessage(
      `${path}: ${counted(report.rows, "row")}, ${counted(report.feeds, "feed")}: ${
        report.problems.length === 0 ? "all is well" : counted(report.problems.length, "problem")
      }`,
    );
  }
  return report.problems.length === 0 ? EXIT.ok : EXIT.failure;
}

/** Prunes a run. */
export async function journalPrune(
  runName: string,
  { journal: path, json, keepFeeds }: JournalCommandOptions & { readonly keepFeeds: number },
): Promise<number> {
  const journal = await SqliteJournal.open(path);
  const reports = pruneRun(journal, findRun(journal, runName), keepFeeds, Date.now());
  journal.close();
  for (const report of reports) {
    const { task, feedsPruned, firstFeed } = report;
    if (json) printData(JSON.stringify(report));
    else {
      const why = feedsPruned > 0
        ? ""
        : `; feeds can go that come before the last ${keepFeeds} and before a whole copy of the state`;
      printMessage(`task ${task}: ${counted(feedsPruned, "feed")} pruned, the first left is ${firstFeed}${why}`);
    }
  }
  return EXIT.ok;
}
