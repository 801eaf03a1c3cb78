import { count, dedupe, json, pipeline, sum, tumbling } from "@sluice/sluice/pipeline";

interface Order {
  customer: string;
  cents: number;
  at: number;
}

/** Windows with a grace, deduplication, and a step that fails for one order: timers, groups of state, a dead letter. */
export default pipeline("shop", ({ from }) =>
  from(json<Order>(), { time: ({ at }) => at, lateness: "1s" })
    .through(dedupe({ by: ({ customer, at }) => `${customer}${at}`, ttl: "10s" }))
    .map((order) => {
      if (order.cents === 13) throw new RangeError("nobody pays thirteen cents");
      return { ...order, lucky: Math.random() < 0.5, id: crypto.randomUUID() };
    })
    .keyBy(({ customer }) => customer)
    .window(tumbling("2s"))
    .aggregate({ orders: count(), cents: sum(({ cents }) => cents) })
    .to(json()));
