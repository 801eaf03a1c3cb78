/** The streams that meet in a step: its watermark is the lowest of theirs. */

import type { Junction, Stage } from "./operator.ts";

/** See the module. */
export class JunctionInputs {
  readonly stages: Stage<unknown>[];
  readonly #junction: Junction;
  readonly #watermarksMs: number[];
  #atMs = -Infinity;

  constructor(junction: Junction, inputs: number) {
    this.#junction = junction;
    this.#watermarksMs = new Array<number>(inputs).fill(-Infinity);
    this.stages = this.#watermarksMs.map((_, input) => ({
      push: (value, key, timeMs) => junction.push(input, value, key, timeMs),
      advance: (watermarkMs) => this.#advance(input, watermarkMs),
    }));
  }

  #advance(input: number, watermarkMs: number): void {
    this.#watermarksMs[input] = watermarkMs;
    const lowestMs = Math.min(...this.#watermarksMs);
    if (lowestMs <= this.#atMs) return;
    this.#atMs = lowestMs;
    this.#junction.advance(lowestMs);
  }
}
