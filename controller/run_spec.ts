/** What a run is: its first start fixes it, and later ones have to say the same. */

import { type Journal, JournalError, type JournalEvent, type Run, type RunSpec } from "./journal/journal.ts";
import type { RunOptions } from "./run.ts";

function identities(options: RunOptions): Pick<Run, "sources" | "sinks"> {
  return {
    sources: Object.fromEntries([...options.sources].map(([input, { identity }]) => [input, identity])),
    sinks: Object.fromEntries(
      options.routes.flatMap(({ names, sink }) => names.map((name) => [name, sink.description])),
    ),
  };
}

/** What a run that begins with `options` is. */
export function specOf(options: RunOptions): RunSpec {
  const { name, processor, uris, seed, clockPolicy, clock } = options;
  return { name, processor, seed, clock: clockPolicy, uris, ...identities(options), createdMs: clock.nowMs() };
}

/**
 * Whether `known` goes on, and does not begin anew: a first start may have been refused for an end that was mistyped.
 *
 * @throws {JournalError} when what fixes its results has changed since it did something
 */
export function goesOn(known: Run, options: RunOptions): boolean {
  const change = changeOf(known, options);
  if (!change) return true;
  if (options.roaming || !isUntouched(options.journal, known)) throw refusalOf(known, change);
  options.observer.onNotice?.(
    `Run ${known.name} has processed nothing yet: it begins anew, since its ${change.what} is another one`,
  );
  return false;
}

function isUntouched(journal: Journal, known: Run): boolean {
  const isOnlyBegun = journal.events(known).every(({ kind }) => BEGINNINGS.includes(kind));
  return isOnlyBegun && journal.tasks(known).every((task) => {
    const taskJournal = journal.task(task);
    return taskJournal.lastFeed() === undefined && taskJournal.effects(0).length === 0;
  });
}

/** What is noted of a run before it does anything. */
const BEGINNINGS: readonly JournalEvent["kind"][] = ["started", "resumed", "code changed"];

interface Change {
  readonly what: string;
  readonly was: string;
  readonly is: string;
}

/** A run keeps what fixes its results; other code is allowed ({@linkcode noteCodeChange}). */
function changeOf(known: RunSpec, options: RunOptions): Change | undefined {
  const { sources, sinks } = identities(options);
  if (known.seed !== options.seed) return { what: "seed", was: String(known.seed), is: String(options.seed) };
  if (known.clock !== options.clockPolicy) return { what: "clock", was: known.clock, is: options.clockPolicy };
  return endsChange("source", known.sources, sources) ?? endsChange("sink", known.sinks, sinks);
}

type Ends = Readonly<Record<string, string>>;

function endsChange(what: string, was: Ends, is: Ends): Change | undefined {
  const isSame = JSON.stringify(was) === JSON.stringify(is);
  return isSame ? undefined : { what, was: endsText(was), is: endsText(is) };
}

/** As with `--from` and `--to`: the name of the only one is left out. */
function endsText(ends: Ends): string {
  const all = Object.entries(ends);
  if (all.length === 1 && ends.default !== undefined) return ends.default;
  return all.map(([name, end]) => `${name}=${end}`).join(" ");
}

/** @throws {JournalError} when what fixes the results of `known` is not what `options` say */
export function requireSame(known: RunSpec, options: RunOptions): void {
  const change = changeOf(known, options);
  if (change) throw refusalOf(known, change);
}

function refusalOf({ name }: RunSpec, { what, was, is }: Change): JournalError {
  return new JournalError(
    `Cannot resume run ${name}: its ${what} is ${was}, now ${is} is given; a run keeps its own, another one has another ` +
      "--name",
    { code: "E_RUN_CHANGED" },
  );
}
