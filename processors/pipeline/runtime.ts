/**
 * A pipeline at work in one realm: its steps opened from the last to the first, each handed what comes after it.
 *
 * What steps keep in memory repeats what is in the state. A unit that fails is rolled back in the state alone, so after
 * one all steps are opened anew. Steps that wait for promises queue jobs, which the unit finishes before it ends.
 */

import type { Context } from "../../engine/processor.ts";
import type { StreamRecord } from "../../engine/record.ts";
import type { State } from "../../engine/state.ts";
import type { Timer } from "../../engine/timers.ts";
import { EventTimers, type OnDue } from "../time/event_timers.ts";
import { fanOut, withSides } from "./fan_out.ts";
import { grainOf } from "./grain.ts";
import type { Graph, Step } from "./graph.ts";
import { JunctionInputs } from "./junction_inputs.ts";
import type { Junction, Scope, Stage } from "./operator.ts";
import { type Give, SinkStage } from "./sink_stage.ts";
import { SourceStage } from "./source_stage.ts";
import { forgetRemovedSteps } from "./removed_steps.ts";

type Job = () => void | Promise<void>;

const ALARM_END = "|";

/** See the module. */
export class Runtime {
  readonly #graph: Graph;
  readonly #give: Give;
  readonly #jobs: Job[] = [];
  readonly #alarms = new Map<string, OnDue>();
  readonly #sources = new Map<string, SourceStage>();
  readonly #stages = new Map<Step, Stage<unknown>[]>();
  readonly #timers: EventTimers[] = [];
  #context: Context | undefined;
  #isOpen = false;

  /** @param give takes the outputs, unless the unit's context does */
  constructor(graph: Graph, give?: Give) {
    this.#graph = graph;
    this.#give = give ??
      ((value, key, timeMs, name) => this.#context!.emit({ value: value as never, key, timeMs }, name));
  }

  /** Takes a record through the pipeline. */
  process(record: StreamRecord, context: Context): void | Promise<void> {
    this.#begin(context);
    this.#sources.get(record.input)!.take(record);
    return this.#finish();
  }

  /** Whether the timer `key` may be one of its steps'. */
  isOwn(key: string): boolean {
    return key.startsWith(this.#graph.prefix) && key.includes(ALARM_END);
  }

  /** A timer by the clock of the run is due. */
  alarm({ key, atMs }: Timer, context: Context): void | Promise<void> {
    this.#begin(context);
    const end = key.indexOf(ALARM_END);
    // The step that set it may be gone since.
    this.#alarms.get(key.slice(0, end))?.(key.slice(end + 1), atMs);
    return this.#finish();
  }

  /** The inputs have ended. */
  end(context: Context): void | Promise<void> {
    this.#begin(context);
    for (const source of this.#sources.values()) source.end();
    return this.#finish();
  }

  #begin(context: Context): void {
    this.#context = context;
    if (!this.#isOpen) this.#open(context.state);
    // Set again only by a unit that ends well.
    this.#isOpen = false;
  }

  #finish(): void | Promise<void> {
    if (this.#jobs.length > 0) return this.#work();
    this.#isOpen = true;
  }

  async #work(): Promise<void> {
    for (const job of this.#jobs) await job();
    this.#jobs.length = 0;
    this.#isOpen = true;
  }

  #open(state: State): void {
    this.#jobs.length = this.#timers.length = 0;
    this.#alarms.clear();
    this.#sources.clear();
    this.#stages.clear();
    forgetRemovedSteps(this.#graph, this.#context!);
    for (const step of this.#graph.steps.toReversed()) this.#openStep(step, state);
    // In order: what comes after a source must know its time before the next record does.
    for (const source of this.#sources.values()) source.resume();
  }

  #openStep(step: Step, state: State): void {
    const down = this.#downAndSides(step);
    switch (step.body.kind) {
      case "source": {
        const scope = this.#scopeOf(step, state);
        const source = new SourceStage(scope, down, step.body.options, grainOf(this.#graph, step));
        this.#sources.set(step.body.input, source);
        return;
      }
      case "operator":
        this.#stages.set(step, [step.body.operator.open(this.#scopeOf(step, state), down)]);
        return;
      case "junction":
        this.#stages.set(step, this.#inputsOf(step, step.body.operator.open(this.#scopeOf(step, state), down)));
        return;
      case "sink":
        this.#stages.set(step, [new SinkStage(this.#give, step.body.output)]);
        return;
      default:
        step.body satisfies never;
    }
  }

  #inputsOf(step: Step, junction: Junction): Stage<unknown>[] {
    return new JunctionInputs(junction, step.upstreams.length).stages;
  }

  /** What takes the elements of `step`; its side streams learn the time when it does. */
  #downAndSides(step: Step): Stage<unknown> {
    const down = this.#downOf(step, undefined) ?? fanOut([]);
    const sides = [...step.sides].map((side) => this.#downOf(step, side)!);
    return sides.length === 0 ? down : withSides(down, sides);
  }

  /** What takes the elements of `step`, or of one of its side streams. */
  #downOf(step: Step, side: string | undefined): Stage<unknown> | undefined {
    const stages = this.#graph.steps.flatMap((each) =>
      each.upstreams.flatMap((upstream, input) => {
        if (upstream.step !== step || upstream.side !== side) return [];
        const taking = this.#stages.get(each)!;
        return [taking.length === 1 ? taking[0] : taking[input]];
      })
    );
    if (stages.length === 1) return stages[0];
    const isWanted = stages.length > 0 || (side !== undefined && step.sides.has(side));
    return isWanted ? fanOut(stages) : undefined;
  }

  #scopeOf(step: Step, state: State): Scope {
    const context = (): Context => this.#context!;
    const isQueueing = (): boolean => this.#jobs.length > 0;
    const isWaiting = (): boolean => this.#timers.some((timers) => !timers.isEmpty);
    const alarmKey = (key: string): string => step.name + ALARM_END + key;
    return {
      name: step.name,
      state,
      get context() {
        return context();
      },
      timers: (onDue) => this.#addTimers(new EventTimers(step.name, state, onDue)),
      setAlarm: (key, atMs) => context().timers.set(alarmKey(key), atMs),
      alarmAt: (key) => context().timers.get(alarmKey(key)),
      onAlarm: (onDue) => void this.#alarms.set(step.name, onDue),
      side: <T>(name: string) => this.#downOf(step, name) as Stage<T> | undefined,
      queue: (job) => void this.#jobs.push(job),
      get isQueueing() {
        return isQueueing();
      },
      get isWaiting() {
        return isWaiting();
      },
    };
  }

  #addTimers(timers: EventTimers): EventTimers {
    this.#timers.push(timers);
    return timers;
  }
}
