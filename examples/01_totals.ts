/** What each customer has spent so far. */

import { defineProcessor, json } from "@sluice/sluice/processor";

interface Order {
  id: string;
  customer: string;
  cents: number;
}

export default defineProcessor({
  name: "totals",
  input: json<Order>(),
  output: json<{ customer: string; cents: number; receipt: string }>(),
  process({ value }, { state, emit, uuid }) {
    const cents = (state.get<number>(value.customer) ?? 0) + value.cents;
    state.set(value.customer, cents);
    emit({ key: value.customer, value: { customer: value.customer, cents, receipt: uuid() } });
  },
});
