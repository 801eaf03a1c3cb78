/** Which outputs of a feed go to which sink. */

import type { CommitPosition, Sink } from "../adapters/sink.ts";
import type { Source } from "../adapters/source.ts";
import type { PackedOutputs } from "../engine/output.ts";
import { type Progress, type Run, type TaskPartition, UNSETTLED_FEEDS_MAX } from "./journal/journal.ts";
import { partitionKey } from "./journal/rows.ts";

/** A sink and the outputs it takes. */
export interface Route {
  /** Names the route in the journal: its first output. */
  readonly name: string;
  /** The names of its outputs; `default` stands for all that no other route takes. */
  readonly names: readonly string[];
  readonly sink: Sink;
}

/** A route for each sink; a sink that takes several outputs commits them together. */
export function routesTo(sinks: Readonly<Record<string, Sink>>): readonly Route[] {
  return [...Map.groupBy(Object.entries(sinks), ([, sink]) => sink)].map(([sink, entries]) => {
    const names = entries.map(([name]) => name);
    return { name: names[0], names, sink };
  });
}

/** As many feeds as may be on their way to every one of the sinks. */
export function commitsInFlightMax(routes: readonly Route[]): number {
  return Math.max(1, Math.min(UNSETTLED_FEEDS_MAX, ...routes.map(({ sink }) => sink.commitsInFlightMax ?? 1)));
}

/** Where a task stands, as its sinks are told. */
export function positionsOf(
  partitions: readonly TaskPartition[],
  sources: ReadonlyMap<string, Source>,
  progress: ReadonlyMap<string, Progress>,
): readonly CommitPosition[] {
  return partitions.flatMap((each) => {
    const position = progress.get(partitionKey(each))?.position;
    const source = sources.get(each.input)?.identity ?? "";
    return position === undefined ? [] : [{ source, stream: each.stream, partition: each.partition, position }];
  });
}

/** The part of `outputs` that each of `routes` takes; `names` are the processor's outputs. */
export function routeOutputs(
  outputs: PackedOutputs,
  names: readonly string[],
  routes: readonly Route[],
): readonly PackedOutputs[] {
  if (routes.length === 1) return [outputs];
  const routeOf = names.map((name) => {
    const exact = routes.findIndex((route) => route.names.includes(name));
    return exact >= 0 ? exact : routes.findIndex((route) => route.names.includes("default"));
  });
  return routes.map((_route, index) => select(outputs, (name) => routeOf[name] === index));
}

function select(outputs: PackedOutputs, isWanted: (name: number) => boolean): PackedOutputs {
  const { names, keyLengths, valueLengths } = outputs;
  const chosen = [...names.keys()].filter((i) => isWanted(names[i]));
  const isChosen = new Set(chosen);
  const values: Uint8Array[] = [];
  const keys: Uint8Array[] = [];
  let valueAt = 0;
  let keyAt = 0;
  for (let i = 0; i < outputs.count; i++) {
    const valueEnd = valueAt + Math.max(valueLengths[i], 0) + 1;
    const keyEnd = keyAt + Math.max(keyLengths[i], 0);
    if (isChosen.has(i)) {
      values.push(outputs.values.subarray(valueAt, valueEnd));
      keys.push(outputs.keys.subarray(keyAt, keyEnd));
    }
    valueAt = valueEnd;
    keyAt = keyEnd;
  }
  const pick = (column: Int32Array) => Int32Array.from(chosen, (i) => column[i]);
  const { extras: _, ...rest } = outputs;
  return {
    ...rest,
    count: chosen.length,
    values: join(values),
    keys: join(keys),
    valueLengths: pick(valueLengths),
    keyLengths: pick(keyLengths),
    timesMs: Float64Array.from(chosen, (i) => outputs.timesMs[i]),
    names: pick(names),
    ...(outputs.extras ? { extras: selectExtras(outputs.extras, chosen) } : {}),
  };
}

/** Tells `run` from every other: a name may be used again with another journal. */
export function runIdentity({ name, createdMs }: Run): string {
  return `${name}@${createdMs.toString(36)}`;
}

function selectExtras(
  extras: NonNullable<PackedOutputs["extras"]>,
  chosen: readonly number[],
): NonNullable<PackedOutputs["extras"]> {
  const newRow = new Map(chosen.map((row, i) => [row, i]));
  const headers: Uint8Array[] = [];
  const kept: number[] = [];
  let at = 0;
  extras.rows.forEach((row, i) => {
    const part = extras.headers.subarray(at, at += Math.max(extras.headerLengths[i], 0));
    if (!newRow.has(row)) return;
    headers.push(part);
    kept.push(i);
  });
  const pick = (column: Int32Array) => Int32Array.from(kept, (i) => column[i]);
  return {
    rows: Int32Array.from(kept, (i) => newRow.get(extras.rows[i])!),
    partitions: pick(extras.partitions),
    headers: join(headers),
    headerLengths: pick(extras.headerLengths),
  };
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
