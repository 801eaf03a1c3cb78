/** One hop of the soak: passes records on, and stops at one that is missing or comes twice. */

import { defineProcessor, json } from "@sluice/sluice/processor";

interface Numbered {
  key: string;
  n: number;
}

export default defineProcessor({
  name: "hop",
  input: json<Numbered>(),
  output: json<Numbered>(),
  process({ value }, { state, emit }) {
    const expected = state.get<number>(value.key) ?? 0;
    if (value.n !== expected) throw new RangeError(`key ${value.key} has ${value.n}, ${expected} is wanted`);
    state.set(value.key, expected + 1);
    emit({ key: value.key, value });
  },
});
