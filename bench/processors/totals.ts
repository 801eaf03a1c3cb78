/** Running totals per customer. */

import { defineProcessor, json } from "@sluice/sluice/processor";

export default defineProcessor({
  name: "totals",
  input: json<{ customer: string; cents: number }>(),
  output: json<{ customer: string; cents: number }>(),
  process({ value }, { state, emit }) {
    const cents = (state.get<number>(value.customer) ?? 0) + value.cents;
    state.set(value.customer, cents);
    emit({ value: { customer: value.customer, cents } });
  },
});
