/** Differences for people: what was recorded and what came out now, one above the other, shortened around where they part. */

import type { Run } from "../controller/journal/journal.ts";
import type { Difference } from "../controller/replay/difference.ts";
import type { Divergence, Place } from "../controller/replay/divergence.ts";
import { type Colours, messageColours } from "./colours.ts";
import { offsetText } from "./offsets.ts";

/** What it takes to tell a difference. */
export interface ReportContext {
  readonly run: Pick<Run, "uris">;
  /** The command that shows it again, but for the feed. */
  readonly again: string;
}

/** A difference, and the command that shows it again. */
export function describeDivergence(divergence: Divergence, { run, again }: ReportContext): string {
  const { task, feed, others, cause, because } = divergence;
  const colours = messageColours();
  const differences = [divergence, ...others];
  return [
    `${colours.bold("DIVERGED")} ${placeText(divergence, run)} (task ${task}, feed ${feed})`,
    ...differences.slice(0, DIFFERENCES_MAX).flatMap((difference) => describeDifference(difference, colours)),
    ...(differences.length > DIFFERENCES_MAX ? [`  … and ${differences.length - DIFFERENCES_MAX} fields more`] : []),
    `  cause: ${colours.bold(cause)} — ${because}`,
    colours.dim(`  again: ${again} --task ${task} --feeds ${feed}..${feed + 1}`),
  ].join("\n");
}

const DIFFERENCES_MAX = 5;

/** Where it happened: `stream/partition@offset`, or the timer. */
export function placeText({ record, input, timer }: Place, { uris }: Pick<Run, "uris">): string {
  if (timer !== undefined) return `timer ${JSON.stringify(timer)}`;
  if (!record) return "a timer or hook";
  const offset = offsetText(input === undefined ? undefined : uris[input], record.offset);
  return `${record.stream}/${record.partition}@${offset}`;
}

function describeDifference({ field, recorded, replayed }: Difference, { red, green }: Colours): string[] {
  const [was, is] = shortenAround(textOf(recorded), textOf(replayed));
  return [`  ${field}`, `    recorded  ${red(was)}`, `    replayed  ${green(is)}`];
}

function textOf(value: unknown): string {
  return value === undefined ? "nothing" : typeof value === "string" ? value : JSON.stringify(value);
}

const SHOWN_MAX = 160;
const BEFORE_MAX = 40;

/** Both texts from shortly before the place where they part. */
export function shortenAround(first: string, second: string): readonly [string, string] {
  let parting = 0;
  while (parting < first.length && first[parting] === second[parting]) parting++;
  const start = first.length <= SHOWN_MAX && second.length <= SHOWN_MAX ? 0 : Math.max(0, parting - BEFORE_MAX);
  return [shorten(first, start), shorten(second, start)];
}

function shorten(text: string, start: number): string {
  const end = start + SHOWN_MAX;
  return `${start > 0 ? "…" : ""}${text.slice(start, end)}${text.length > end ? "…" : ""}`;
}
