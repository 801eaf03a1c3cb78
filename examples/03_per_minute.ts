/**
 * Windows: orders and cents per customer and minute, by the time in the order; one that comes more than ten seconds late goes
 * to an output of its own.
 *
 *     sluice run examples/03_per_minute.ts --from file:orders.ndjson --to file:totals.ndjson --to late=file:late.ndjson --until-end
 */

import { count, json, pipeline, sum, tumbling } from "@sluice/sluice/pipeline";

interface Order {
  customer: string;
  cents: number;
  at: string;
}

export default pipeline(
  "per-minute",
  ({ from }) =>
    from(json<Order>(), { time: ({ at }) => at, lateness: "10s" })
      .keyBy(({ customer }) => customer)
      .window(tumbling("1m"))
      .aggregate({ orders: count(), cents: sum(({ cents }) => cents) }, { late: (late) => late.to("late", json()) })
      .to(json()),
);
