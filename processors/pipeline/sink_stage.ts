/** Where elements leave a pipeline. */

import type { Key, Stage } from "./operator.ts";

/** Takes what a pipeline gives to its output `name`. */
export type Give = (value: unknown, key: Key, timeMs: number, name: string) => void;

/** See the module. */
export class SinkStage implements Stage<unknown> {
  readonly #give: Give;
  readonly #output: string;

  constructor(give: Give, output: string) {
    this.#give = give;
    this.#output = output;
  }

  push(value: unknown, key: Key, timeMs: number): void {
    this.#give(value, key, timeMs, this.#output);
  }

  advance(): void {}
}
