/** Which recorded feeds a command is about, as the user says it. */

import type { FeedEntry } from "../controller/journal/journal.ts";
import type { Recording } from "../controller/replay/recording.ts";
import { type FeedSelection, selectedFeeds } from "../controller/replay/replay.ts";
import { type OffsetRange, parseFeedRange, parseOffsetRange } from "./ranges.ts";
import { UsageError } from "./usage_error.ts";

/** The options that select feeds, as commander gives them. */
export interface SelectionOptions {
  readonly feeds?: string;
  readonly offsets?: string;
  readonly since?: string;
  readonly until?: string;
  readonly failed?: boolean;
}

/** The feeds of `recording` that the options mean; all of them without any. */
export function selectFeeds({ taskJournal }: Recording, options: SelectionOptions): FeedSelection {
  const { from, to } = options.feeds === undefined ? { from: 0, to: Infinity } : parseFeedRange(options.feeds);
  const { partitions } = taskJournal.task;
  const offsets = options.offsets === undefined ? undefined : parseOffsetRange(options.offsets, partitions);
  const [sinceMs, untilMs] = [parseTime("--since", options.since), parseTime("--until", options.until)];
  return {
    from,
    to,
    isWanted: (entry) =>
      (!options.failed || entry.failures > 0) &&
      (offsets === undefined || overlaps(entry, offsets)) &&
      (sinceMs === undefined || timeOf(entry) >= sinceMs) &&
      (untilMs === undefined || timeOf(entry) < untilMs),
  };
}

/** Whether the options say which feeds: `--failed` alone does not. */
export function isRange({ feeds, offsets, since, until }: SelectionOptions): boolean {
  return [feeds, offsets, since, until].some((each) => each !== undefined);
}

/** Whether the task has a feed that the options mean. */
export function hasSelected(recording: Recording, options: SelectionOptions): boolean {
  for (const _entry of selectedFeeds(recording, selectFeeds(recording, options))) return true;
  return false;
}

/**
 * Of a time there may be nothing; feeds and offsets are asked for by who knows them, and to find nothing wrong would mislead.
 *
 * @throws {UsageError} when no task has what is asked for
 */
export function requireSelected(recordings: readonly Recording[], options: SelectionOptions): void {
  const { feeds, offsets } = options;
  if (feeds === undefined && offsets === undefined) return;
  if (recordings.some((each) => hasSelected(each, options))) return;
  const given = [feeds && `--feeds ${feeds}`, offsets && `--offsets ${offsets}`].filter(Boolean).join(" ");
  const [{ run, taskJournal }] = recordings;
  const last = taskJournal.lastFeed();
  const has = recordings.length === 1 && last ? `it has feeds ${taskJournal.firstReplayable()} to ${last.seq}; ` : "";
  throw new UsageError(
    `Cannot use ${given}: no feed of run ${run.name} is meant; ${has}see sluice journal show ${run.name}`,
  );
}

/** When a feed was sealed. */
export function timeOf({ ranges, tickMs, nowMs }: FeedEntry): number {
  return ranges[0]?.timeMs ?? tickMs ?? nowMs;
}

function overlaps({ ranges }: FeedEntry, { stream, partition, from, to }: OffsetRange): boolean {
  return ranges.some((range) =>
    range.stream === stream && range.partition === partition && range.from < to && range.to > from
  );
}

function parseTime(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const timeMs = /^\d{9,}$/.test(text) ? Number(text) : Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? text : zoned(text));
  if (Number.isFinite(timeMs)) return timeMs;
  throw new UsageError(
    `Cannot use ${option} ${text}: it is no time; 2026-11-26T08:30 (UTC), 2026-11-26T08:30+01:00 or milliseconds are wanted`,
  );
}

/** A time without a zone is UTC, on every machine. */
function zoned(text: string): string {
  return /(?:Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`;
}
