/** Running totals per customer. */

import { defineProcessor, json } from "@sluice/sluice/processor";

export default defineProcessor({
  name: "totals",
  input: json<{ customer: string; cents: number }>(),
  output: json<{ customer: string; cents: number }>(),
  process({ value: { customer, cents } }, { state, emit }) {
    const total = (state.get<number>(customer) ?? 0) + cents;
    state.set(customer, total);
    emit({ key: customer, value: { customer, cents: total } });
  },
});
