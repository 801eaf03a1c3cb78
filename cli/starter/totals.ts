/** Totals per customer. */

import { defineProcessor, json } from "@sluice/sluice/processor";

interface Order {
  id: string;
  customer: string;
  cents: number;
}

export default defineProcessor({
  name: "totals",
  input: json<Order>(),
  output: json<{ customer: string; cents: number }>(),
  process({ value }, { state, emit }) {
    const cents = (state.get<number>(value.customer) ?? 0) + value.cents;
    state.set(value.customer, cents);
    emit({ key: value.customer, value: { customer: value.customer, cents } });
  },
});
