/** The first difference between what a unit did and what it did again, named by its field. */

import type { TraceEntry } from "../engine/trace.ts";
import type { OutputView, UnitView } from "./unit_view.ts";

/** One field that differs; `undefined` means that it was not there. */
export interface Difference {
  /** Such as `output[0].cents`, `state["ann"]`, `effect[0]`, `timer["t"]`, `error`. */
  readonly field: string;
  readonly recorded: unknown;
  readonly replayed: unknown;
}

/** The first difference, or undefined when both did the same. */
export function firstDifference(recorded: UnitView, replayed: UnitView): Difference | undefined {
  return differenceOfErrors(recorded, replayed) ?? differenceOfOutputs(recorded.outputs, replayed.outputs) ??
    differenceOfTraces(recorded.trace, replayed.trace);
}

function differenceOfErrors(recorded: UnitView, replayed: UnitView): Difference | undefined {
  const [was, is] = [recorded, replayed].map(({ trace }) => trace.find(({ kind }) => kind === "error")?.subject);
  return was === is ? undefined : { field: "error", recorded: was, replayed: is };
}

function differenceOfOutputs(recorded: readonly OutputView[], replayed: readonly OutputView[]): Difference | undefined {
  for (let i = 0; i < Math.max(recorded.length, replayed.length); i++) {
    const [was, is] = [recorded[i], replayed[i]];
    const field = `output[${i}]`;
    if (!was || !is) return { field, recorded: was && parse(was.value), replayed: is && parse(is.value) };
    if (was.name !== is.name) return { field: `${field}.name`, recorded: was.name, replayed: is.name };
    if (was.key !== is.key) return { field: `${field}.key`, recorded: was.key, replayed: is.key };
    if (was.partition !== is.partition) {
      return { field: `${field}.partition`, recorded: was.partition, replayed: is.partition };
    }
    if (was.headers !== is.headers) {
      return differenceOfValues(`${field}.headers`, parse(was.headers ?? null), parse(is.headers ?? null));
    }
    if (was.value !== is.value) return differenceOfValues(field, parse(was.value), parse(is.value));
  }
  return undefined;
}

function differenceOfTraces(recorded: readonly TraceEntry[], replayed: readonly TraceEntry[]): Difference | undefined {
  let effects = 0;
  for (let i = 0; i < Math.max(recorded.length, replayed.length); i++) {
    const [was, is] = [recorded[i], replayed[i]];
    const isSame = was && is && was.kind === is.kind && was.subject === is.subject && was.detail === is.detail;
    if (!isSame) return differenceOfEntries(was, is, effects);
    if (was.kind === "effect") effects++;
  }
  return undefined;
}

function differenceOfEntries(was: TraceEntry | undefined, is: TraceEntry | undefined, effects: number): Difference {
  const { kind } = (was ?? is)!;
  if (kind === "effect" || is?.kind === "effect") {
    const call = (entry: TraceEntry | undefined) => entry && `${entry.subject}(${entry.detail})`;
    return { field: `effect[${effects}]`, recorded: call(was), replayed: call(is) };
  }
  const subject = (was ?? is)!.subject;
  const field = `${kind.startsWith("timer") ? "timer" : "state"}[${JSON.stringify(subject)}]`;
  if (was && is && was.kind === "state set" && is.kind === "state set" && was.subject === is.subject) {
    return differenceOfValues(field, parse(was.detail), parse(is.detail));
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
function parse(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
