/** A stream in a pipeline that is being written: what its elements are is known to the compiler, step by step. */

import type { Codec } from "../../engine/codec.ts";
import { filter } from "../operators/filter.ts";
import { flatMap } from "../operators/flat_map.ts";
import { keyBy, type KeyValue } from "../operators/key_by.ts";
import { map, type Place } from "../operators/map.ts";
import { merge } from "../operators/merge.ts";
import { type AggregateOptions, aggregateWindows, type Windowed } from "../windows/aggregate_windows.ts";
import type { Aggregated, AggregateSpec } from "../aggregates/combined.ts";
import type { WindowResult } from "../windows/window_result.ts";
import type { Windows } from "../windows/windows.ts";
import type { Graph, Step, StepBody } from "./graph.ts";
import type { JunctionOperator, Key, Operator, Sides } from "./operator.ts";

/** What is done with the side streams of a step: late records, rejects, branches. */
export type SideStreams<Side extends Sides> = {
  readonly [Name in keyof Side]?: (stream: Stream<Side[Name]>) => unknown;
};

/** See the module. */
export class Stream<T> {
  readonly #graph: Graph;
  readonly #step: Step;
  readonly #side: string | undefined;

  /** Made by `from` and by other streams. */
  constructor(graph: Graph, step: Step, side?: string) {
    this.#graph = graph;
    this.#step = step;
    this.#side = side;
  }

  /** The stream after `operator`; `sides` says where its side streams go. */
  through<Out, Side extends Sides>(operator: Operator<T, Out, Side>, sides: SideStreams<Side> = {}): Stream<Out> {
    const body: StepBody = { kind: "operator", operator: operator as Operator<unknown, unknown, Sides> };
    return this.#after<Out, Side>(this.#graph.add(body, [this.#upstream]), sides);
  }

  /** The stream after `operator`, which this stream and `others` flow into. */
  meet<Others extends readonly unknown[], Out, Side extends Sides>(
    others: { readonly [I in keyof Others]: Stream<Others[I]> },
    operator: JunctionOperator<readonly [T, ...Others], Out, Side>,
    sides: SideStreams<Side> = {},
  ): Stream<Out> {
    const body: StepBody = {
      kind: "junction",
      operator: operator as JunctionOperator<readonly unknown[], unknown, Sides>,
    };
    const upstreams = [this, ...others].map((stream) => (stream as Stream<unknown>).#upstream);
    return this.#after<Out, Side>(this.#graph.add(body, upstreams), sides);
  }

  /** This stream and another one, through an operator for two: `intervalJoin`, `asOfJoin`, `tableJoin`, … */
  join<Other, Out, Side extends Sides>(
    other: Stream<Other>,
    operator: JunctionOperator<readonly [T, Other], Out, Side>,
    sides: SideStreams<Side> = {},
  ): Stream<Out> {
    return this.meet<readonly [Other], Out, Side>([other], operator, sides);
  }

  /** Calls the step before here `name`: its state is kept under it when steps are added or removed. */
  named(name: string): this {
    this.#graph.rename(this.#step, name);
    return this;
  }

  /** Keeps the elements that comply. */
  filter<Out extends T>(complies: (value: T, key: Key, timeMs: number) => value is Out): Stream<Out>;
  /** Keeps the elements that comply. */
  filter(complies: (value: T, key: Key, timeMs: number) => boolean): Stream<T>;
  filter(complies: (value: T, key: Key, timeMs: number) => boolean): Stream<T> {
    return this.through(filter(complies));
  }

  /** Makes another value of each element. */
  map<Out>(change: (value: T, place: Place) => Out): Stream<Out> {
    return this.through(map(change));
  }

  /** Makes any number of values of each element. */
  flatMap<Out>(change: (value: T, place: Place) => Iterable<Out>): Stream<Out> {
    return this.through(flatMap(change));
  }

  /** Groups by what `of` answers; see `keyBy`. */
  keyBy(of: (value: T, key: Key, timeMs: number) => KeyValue): Stream<T> {
    return this.through(keyBy(of));
  }

  /** The elements of this stream and of `others`. */
  merge(...others: readonly Stream<T>[]): Stream<T> {
    return this.meet(others, merge<T>() as JunctionOperator<readonly [T, ...T[]], T>);
  }

  /** Divides the elements of each key into windows. */
  window(windows: Windows<T>): WindowedStream<T> {
    return new WindowedStream(this, windows);
  }

  /** Writes to the only output. */
  to(codec: Codec<unknown, T>): void;
  /** Writes to the output `name`: `--to name=URI`. */
  to(name: string, codec: Codec<unknown, T>): void;
  to(name: string | Codec<unknown, T>, codec?: Codec<unknown, T>): void {
    const output = typeof name === "string" ? name : "default";
    const encoded = (typeof name === "string" ? codec : name) as Codec<unknown, never>;
    if (Object.hasOwn(this.#graph.outputs, output) && this.#graph.outputs[output].name !== encoded.name) {
      throw new TypeError(
        `Cannot write ${encoded.name} to output ${output}: it is ${this.#graph.outputs[output].name} already`,
      );
    }
    this.#graph.outputs[output] = encoded;
    this.#graph.add({ kind: "sink", output }, [this.#upstream]);
  }

  get #upstream(): { readonly step: Step; readonly side: string | undefined } {
    return { step: this.#step, side: this.#side };
  }

  #after<Out, Side extends Sides>(step: Step, sides: SideStreams<Side>): Stream<Out> {
    for (const [side, use] of Object.entries(sides)) {
      if (use === undefined) continue;
      step.sides.add(side);
      use(new Stream(this.#graph, step, side) as never);
    }
    return new Stream<Out>(this.#graph, step);
  }
}

/** A stream divided into windows. */
export class WindowedStream<T> {
  readonly #stream: Stream<T>;
  readonly #windows: Windows<T>;

  /** Made by {@linkcode Stream.window}. */
  constructor(stream: Stream<T>, windows: Windows<T>) {
    this.#stream = stream;
    this.#windows = windows;
  }

  /** One result per window and key, when the window closes, or earlier as `options` say. */
  aggregate<Spec extends AggregateSpec<T>>(
    aggregates: Spec & AggregateSpec<T>,
    options: AggregateOptions & SideStreams<Windowed<T>> = {},
  ): Stream<WindowResult<Aggregated<Spec>>> {
    const { late, ...rest } = options;
    return this.#stream.through(aggregateWindows<T, Spec>(this.#windows, aggregates, rest), late ? { late } : {});
  }
}
