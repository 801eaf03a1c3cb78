/** Adds a field; the key stays. */

import { defineProcessor, json } from "@sluice/sluice/processor";

export default defineProcessor({
  name: "map",
  input: json<{ cents: number; euros?: number }>(),
  output: json<unknown>(),
  process({ key, value }, { emit }) {
    value.euros = value.cents / 100;
    emit({ key, value });
  },
});
