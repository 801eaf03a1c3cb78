/** The graph of a pipeline: its steps in the order in which they were written, and what flows between them. */

import type { Codec } from "../../engine/codec.ts";
import type { JunctionOperator, Operator, Sides } from "./operator.ts";
import type { SourceOptions } from "./source_stage.ts";

/** Where a step's elements come from: another step, or one of its side streams. */
export interface Upstream {
  readonly step: Step;
  /** Absent for the stream itself. */
  readonly side: string | undefined;
}

/** What a step is. */
export type StepBody =
  | { readonly kind: "source"; readonly input: string; readonly options: SourceOptions<unknown> }
  | { readonly kind: "operator"; readonly operator: Operator<unknown, unknown, Sides> }
  | { readonly kind: "junction"; readonly operator: JunctionOperator<readonly unknown[], unknown, Sides> }
  | { readonly kind: "sink"; readonly output: string };

/** A step. */
export interface Step {
  name: string;
  readonly body: StepBody;
  readonly upstreams: readonly Upstream[];
  /** The side streams that somebody wanted, if only to drop what is in them. */
  readonly sides: Set<string>;
}

/** See the module. */
export class Graph {
  /** What the names of all steps begin with. */
  readonly prefix: string;
  readonly steps: Step[] = [];
  readonly inputs: Record<string, Codec<unknown, never>> = {};
  readonly outputs: Record<string, Codec<unknown, never>> = {};

  constructor(prefix = "") {
    this.prefix = prefix;
  }

  /** Adds a step; it is called after what it does, and numbered from the second one on. */
  add(body: StepBody, upstreams: readonly Upstream[]): Step {
    const step: Step = { name: this.#free(this.prefix + wordFor(body)), body, upstreams, sides: new Set() };
    this.steps.push(step);
    return step;
  }

  /** Calls a step otherwise. */
  rename(step: Step, name: string): void {
    this.#requireFree(this.prefix + name);
    step.name = this.prefix + name;
  }

  #free(word: string): string {
    const taken = new Set(this.steps.map(({ name }) => name));
    for (let n = 1;; n++) {
      const name = n === 1 ? word : `${word}-${n}`;
      if (!taken.has(name)) return name;
    }
  }

  #requireFree(name: string): void {
    if (!/^[A-Za-z_][\w.-]*$/.test(name)) {
      throw new TypeError(`Cannot name a step ${JSON.stringify(name)}: letters, digits, -, _ and . are wanted`);
    }
    if (this.steps.some((step) => step.name === name)) {
      throw new TypeError(`Cannot name a step ${name}: another one has this name; state is kept by name`);
    }
  }
}

function wordFor(body: StepBody): string {
  switch (body.kind) {
    case "source":
      return body.input === "default" ? "from" : `from-${body.input}`;
    case "sink":
      return body.output === "default" ? "to" : `to-${body.output}`;
    case "operator":
    case "junction":
      return body.operator.kind;
    default:
      return body satisfies never;
  }
}
