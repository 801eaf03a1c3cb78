/**
 * Joins: orders with the payments that come within an hour; orders that nobody pays are known once none can come any more.
 *
 *     sluice run examples/07_payments.ts --from orders=file:orders.ndjson --from payments=file:payments.ndjson --to file:paid.ndjson --until-end
 */

import { intervalJoin, json, pipeline } from "@sluice/sluice/pipeline";

interface Order {
  id: string;
  cents: number;
  at: number;
}

interface Payment {
  order: string;
  at: number;
}

export default pipeline("payments", ({ from }) => {
  const orders = from("orders", json<Order>(), { time: ({ at }) => at }).keyBy(({ id }) => id);
  const payments = from("payments", json<Payment>(), { time: ({ at }) => at }).keyBy(({ order }) => order);
  orders.join(
    payments,
    intervalJoin({
      after: "1h",
      kind: "left",
      combine: (order, payment) => ({
        id: order!.id,
        cents: order!.cents,
        paidAfterMs: payment ? payment.at - order!.at : null,
      }),
    }),
  ).to(json());
});
