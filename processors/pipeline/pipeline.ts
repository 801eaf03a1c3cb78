/** `pipeline`: operators composed into one processor, which runs, replays and is tested like any other. */

import type { Codec } from "../../engine/codec.ts";
import { type Codecs, defineProcessor, type Processor } from "../../engine/processor.ts";
import { describeGraph } from "./describe_graph.ts";
import { Graph } from "./graph.ts";
import { Runtime } from "./runtime.ts";
import type { SourceOptions } from "./source_stage.ts";
import { Stream } from "./stream.ts";

/** What a pipeline is written with. */
export interface PipelineBuilder {
  /** The stream of the only input. */
  from<T>(codec: Codec<T, never>, options?: SourceOptions<T>): Stream<T>;
  /** The stream of the input `name`: `--from name=URI`. */
  from<T>(name: string, codec: Codec<T, never>, options?: SourceOptions<T>): Stream<T>;
  /** The changes of a table from the input `name`: the latest value of a key counts, a record without one deletes it. */
  table<T>(name: string, codec: Codec<T, never>, options?: SourceOptions<T>): Stream<T | null>;
}

/**
 * Defines a pipeline: what a script exports as its default.
 *
 * @throws {TypeError} when it reads nothing, writes nothing, or two steps have one name
 * @example
 * ```ts
 * import { count, json, pipeline, sum, tumbling } from "@sluice/sluice/pipeline";
 *
 * export default pipeline("orders-per-minute", ({ from }) =>
 *   from(json<{ customer: string; cents: number; at: string }>(), { time: ({ at }) => at, lateness: "10s" })
 *     .filter(({ cents }) => cents > 0)
 *     .keyBy(({ customer }) => customer)
 *     .window(tumbling("1m"))
 *     .aggregate({ orders: count(), cents: sum(({ cents }) => cents) })
 *     .to(json()));
 * ```
 */
export function pipeline(name: string, build: (builder: PipelineBuilder) => unknown): Processor<Codecs, Codecs> {
  const graph = new Graph();
  build({
    from: (...parts: readonly unknown[]) => addSource(graph, parts),
    table: (name: string, codec: Codec<unknown, never>, options: SourceOptions<unknown> = {}) =>
      addSource(graph, [name, codec, { ...options, tombstones: "pass" }]),
  } as PipelineBuilder);
  if (Object.keys(graph.outputs).length === 0) {
    throw new TypeError(`Cannot use pipeline ${name}: it writes nothing; end it with .to(json())`);
  }
  const runtime = new Runtime(graph);
  const { inputs, outputs } = graph;
  return defineProcessor<Codecs, Codecs>({
    name,
    inputs,
    outputs,
    graph: describeGraph(graph),
    process: (record, context) => runtime.process(record, context),
    onTimer: (timer, context) => runtime.alarm(timer, context),
    onEnd: (context) => runtime.end(context),
  });
}

function addSource(graph: Graph, parts: readonly unknown[]): Stream<unknown> {
  const isNamed = typeof parts[0] === "string";
  const [codec, options = {}] = (isNamed ? parts.slice(1) : parts) as [Codec<unknown, never>, SourceOptions<unknown>?];
  const input = isNamed ? parts[0] as string : "default";
  if (Object.hasOwn(graph.inputs, input)) {
    throw new TypeError(`Cannot read input ${input} twice: keep its stream in a variable and use that twice`);
  }
  graph.inputs[input] = codec;
  return new Stream(graph, graph.add({ kind: "source", input, options }, []));
}
