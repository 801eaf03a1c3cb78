/**
 * Effects: a price is asked for outside of the sandbox, by a handler that whoever runs it registers. The answer is journaled: a
 * replay takes it from there, and asks nobody.
 *
 *     sluice run examples/05_prices.ts --effects examples/05_prices_effects.ts --from file:orders.ndjson --to file:priced.ndjson --until-end
 */

import { defineProcessor, json } from "@sluice/sluice/processor";

interface Order {
  sku: string;
  quantity: number;
}

export default defineProcessor({
  name: "prices",
  input: json<Order>(),
  output: json<Order & { cents: number }>(),
  async process({ value }, { effect, emit }) {
    const price = await effect("price", value.sku) as number;
    emit({ value: { ...value, cents: price * value.quantity } });
  },
});
