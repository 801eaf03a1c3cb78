/** Effects that answer what was recorded. */

import type { EffectHandler } from "../controller/effects.ts";

/** An answer that was an error. */
export class RecordedError {
  /** What the processor sees as the message of the `EffectError`. */
  readonly message: string;

  /** An error with that message. */
  constructor(message: string) {
    this.message = message;
  }
}

/**
 * A handler that answers each input as it was answered then; the same input asked again gets the next of its answers.
 *
 * @example
 * ```ts
 * import { answers, RecordedError } from "@sluice/sluice/testing";
 *
 * const price = answers([["apple", 120], ["pear", 95], ["stone", new RecordedError("no such thing")]]);
 * console.assert(price("pear") === 95);
 * ```
 */
export function answers(recorded: readonly (readonly [input: unknown, answer: unknown])[]): EffectHandler {
  const left = Map.groupBy(recorded, ([input]) => JSON.stringify(input ?? null));
  return (input) => {
    const known = left.get(JSON.stringify(input ?? null));
    if (!known) throw new Error(`no answer was recorded for ${JSON.stringify(input)}`);
    const [, answer] = known.length > 1 ? known.shift()! : known[0];
    if (answer instanceof RecordedError) throw new Error(answer.message);
    return answer;
  };
}
