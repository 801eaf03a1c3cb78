/** Differences between what a unit did and what it did again, each named by its field. */

import type { TraceEntry } from "../../engine/trace.ts";
import type { OutputView, UnitView } from "./fed_view.ts";

/** One field that differs; `undefined` means that it was not there. */
export interface Difference {
  /** Such as `output[0].cents`, `state["ann"]`, `effect[0]`, `timer["t"]`, `error`. */
  readonly field: string;
  /** What was there then; a digest where only that was kept. */
  readonly recorded: unknown;
  /** What is there now. */
  readonly replayed: unknown;
}

/** All differences: errors, then outputs, then the trace up to the first entry that differs. Empty when both did the same. */
export function differencesOf(recorded: UnitView, replayed: UnitView): readonly Difference[] {
  return [
    ...differenceOfErrors(recorded, replayed),
    ...differencesOfOutputs(recorded.outputs, replayed.outputs),
    ...differenceOfTraces(recorded.trace, replayed.trace),
  ];
}

/** The name of the error that a unit ended with. */
export function errorOf({ trace }: UnitView): string | undefined {
  return trace.find(({ kind }) => kind === "error")?.subject;
}

function* differenceOfErrors(recorded: UnitView, replayed: UnitView): Generator<Difference> {
  const [was, is] = [errorOf(recorded), errorOf(replayed)];
  if (was !== is) yield { field: "error", recorded: was, replayed: is };
}

function* differencesOfOutputs(
  recorded: readonly OutputView[],
  replayed: readonly OutputView[],
): Generator<Difference> {
  for (let i = 0; i < Math.max(recorded.length, replayed.length); i++) {
    const difference = differenceOfOutput(`output[${i}]`, recorded[i], replayed[i]);
    if (difference) yield difference;
  }
}

function differenceOfOutput(
  field: string,
  was: OutputView | undefined,
  is: OutputView | undefined,
): Difference | undefined {
  if (!was || !is) return { field, recorded: was && jsonOrText(was.value), replayed: is && jsonOrText(is.value) };
  if (was.name !== is.name) return { field: `${field}.name`, recorded: was.name, replayed: is.name };
  if (was.key !== is.key) return { field: `${field}.key`, recorded: was.key, replayed: is.key };
  if (was.partition !== is.partition) {
    return { field: `${field}.partition`, recorded: was.partition, replayed: is.partition };
  }
  if (was.headers !== is.headers) {
    return differenceOfValues(`${field}.headers`, jsonOrText(was.headers ?? null), jsonOrText(is.headers ?? null));
  }
  return was.value === is.value ? undefined : differenceOfValues(field, jsonOrText(was.value), jsonOrText(is.value));
}

/** What follows a different entry is different because of it. */
function* differenceOfTraces(
  recorded: readonly TraceEntry[],
  replayed: readonly TraceEntry[],
): Generator<Difference> {
  let effects = 0;
  for (let i = 0; i < Math.max(recorded.length, replayed.length); i++) {
    const [was, is] = [recorded[i], replayed[i]];
    const isSame = was && is && was.kind === is.kind && was.subject === is.subject && was.detail === is.detail;
    // An error was told of as such.
    if (!isSame && [was, is].every((entry) => entry === undefined || entry.kind === "error")) return;
    if (!isSame) return yield differenceOfEntries(...unmatched(was, is, recorded, replayed, i), effects);
    if (was.kind === "effect") effects++;
  }
}

/** Leaves out the entry that is only further on on the other side: what is missing, or came in between, is what differs. */
function unmatched(
  was: TraceEntry | undefined,
  is: TraceEntry | undefined,
  recorded: readonly TraceEntry[],
  replayed: readonly TraceEntry[],
  at: number,
): readonly [TraceEntry | undefined, TraceEntry | undefined] {
  if (!was || !is || isAlike(was, is)) return [was, is];
  if (!replayed.slice(at).some((entry) => isAlike(was, entry))) return [was, undefined];
  if (!recorded.slice(at).some((entry) => isAlike(is, entry))) return [undefined, is];
  return [was, is];
}

function isAlike(a: TraceEntry, b: TraceEntry): boolean {
  return a.kind === b.kind && a.subject === b.subject;
}

function differenceOfEntries(was: TraceEntry | undefined, is: TraceEntry | undefined, effects: number): Difference {
  const { kind } = (was ?? is)!;
  if (kind === "effect" || is?.kind === "effect") {
    const call = (entry: TraceEntry | undefined) => entry && `${entry.subject}(${entry.detail})`;
    return { field: `effect[${effects}]`, recorded: call(was), replayed: call(is) };
  }
  const subject = (was ?? is)!.subject;
  const field = `${kind.startsWith("timer") ? "timer" : "state"}[${JSON.stringify(subject)}]`;
  if (was && is && was.kind === is.kind && was.subject === is.subject) {
    return differenceOfValues(field, jsonOrText(was.detail), jsonOrText(is.detail));
  }
  return { field, recorded: was && show(was), replayed: is && show(is) };
}

function show({ kind, subject, detail }: TraceEntry): string {
  return `${kind} ${subject}${detail === "" ? "" : ` = ${detail}`}`;
}

/** Goes down to the first member that differs. */
function differenceOfValues(field: string, recorded: unknown, replayed: unknown): Difference {
  if (isContainer(recorded) && isContainer(replayed) && Array.isArray(recorded) === Array.isArray(replayed)) {
    for (const name of new Set([...Object.keys(recorded), ...Object.keys(replayed)])) {
      if (JSON.stringify(recorded[name]) === JSON.stringify(replayed[name])) continue;
      const path = Array.isArray(recorded) ? `${field}[${name}]` : `${field}.${name}`;
      return differenceOfValues(path, recorded[name], replayed[name]);
    }
  }
  return { field, recorded, replayed };
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** JSON where it is JSON, text otherwise. */
export function jsonOrText(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
