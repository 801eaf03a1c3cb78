/** The same with a change: orders of 90 euros and more get ten percent off. */

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
    const price = value.cents >= 9000 ? value.cents * 0.9 : value.cents;
    const cents = (state.get<number>(value.customer) ?? 0) + price;
    state.set(value.customer, cents);
    emit({ key: value.customer, value: { customer: value.customer, cents, receipt: uuid() } });
  },
});
