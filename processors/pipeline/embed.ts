/** `embed`: operators as functions, within a processor that is written by hand. */

import type { Context } from "../../engine/processor.ts";
import type { StreamRecord } from "../../engine/record.ts";
import type { Timer } from "../../engine/timers.ts";
import { json } from "../../formats/json.ts";
import { Graph } from "./graph.ts";
import type { Key } from "./operator.ts";
import { Runtime } from "./runtime.ts";
import type { SourceOptions } from "./source_stage.ts";
import { Stream } from "./stream.ts";

/** What operators give. */
export interface Given<T> {
  /** The value. */
  readonly value: T;
  /** What it is grouped by. */
  readonly key: Key;
  /** Its event time. */
  readonly timeMs: number;
}

/** Operators as functions. Each answers what they give, and a promise where one of them waits for an effect. */
export interface Embedded<In, Out> {
  /** Takes a record; to be called from `process`. */
  take(record: StreamRecord<In>, context: Context): readonly Given<Out>[] | Promise<readonly Given<Out>[]>;
  /** Takes a timer; to be called from `onTimer`. Nothing where it is not one of theirs. */
  alarm(timer: Timer, context: Context): readonly Given<Out>[] | Promise<readonly Given<Out>[]>;
  /** Closes what is open; to be called from `onEnd`. */
  end(context: Context): readonly Given<Out>[] | Promise<readonly Given<Out>[]>;
}

/**
 * Puts operators into a processor.
 *
 * @param name what their entries in the state begin with; unique within the processor
 * @example
 * ```ts
 * import { count, defineProcessor, embed, json, tumbling } from "@sluice/sluice/pipeline";
 *
 * const perMinute = embed("per-minute", { time: ({ at }: { at: number }) => at }, (clicks) =>
 *   clicks.window(tumbling("1m")).aggregate({ clicks: count() }));
 *
 * export default defineProcessor({
 *   name: "clicks",
 *   input: json<{ at: number }>(),
 *   output: json<unknown>(),
 *   process: async (record, context) => await perMinute.take(record, context),
 *   onTimer: async (timer, context) => await perMinute.alarm(timer, context),
 *   onEnd: async (context) => await perMinute.end(context),
 * });
 * ```
 */
export function embed<In, Out>(
  name: string,
  options: SourceOptions<In>,
  build: (stream: Stream<In>) => Stream<Out>,
): Embedded<In, Out> {
  const graph = new Graph(`${name}.`);
  const body = { kind: "source", input: "default", options: options as SourceOptions<unknown> } as const;
  build(new Stream<In>(graph, graph.add(body, []))).to(json<Out>());
  let given: Given<Out>[] = [];
  const runtime = new Runtime(graph, (value, key, timeMs) => void given.push({ value: value as Out, key, timeMs }));
  const collect = (work: () => void | Promise<void>) => {
    given = [];
    const done = work();
    return done === undefined ? given : done.then(() => given);
  };
  return {
    take: (record, context) => collect(() => runtime.process({ ...placeOf(record), input: "default" }, context)),
    alarm: (timer, context) => collect(() => runtime.isOwn(timer.key) ? runtime.alarm(timer, context) : undefined),
    end: (context) => collect(() => runtime.end(context)),
  };
}

/** Members of a record are found on demand; a copy asks for them. */
function placeOf(
  { stream, partition, offset, key, value, eventTimeMs, headers }: StreamRecord,
): Omit<StreamRecord, "input"> {
  return { stream, partition, offset, key, value, eventTimeMs, headers };
}
