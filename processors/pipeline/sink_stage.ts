/** Where elements become outputs. */

import type { Context } from "../../engine/processor.ts";
import type { Key, Stage } from "./operator.ts";

/** See the module. */
export class SinkStage implements Stage<unknown> {
  readonly #context: () => Context;
  readonly #output: string;

  constructor(context: () => Context, output: string) {
    this.#context = context;
    this.#output = output;
  }

  push(value: unknown, key: Key, timeMs: number): void {
    this.#context().emit({ value: value as never, key, timeMs }, this.#output);
  }

  advance(): void {}
}
