/**
 * Cleaning: what is no order goes to an output of its own, with the reason; what comes twice within an hour is left out.
 *
 *     sluice run examples/06_rejects.ts --from file:orders.ndjson --to file:clean.ndjson --to rejects=file:rejects.ndjson --until-end
 */

import { check, dedupe, json, pipeline } from "@sluice/sluice/pipeline";

interface Order {
  id: string;
  cents: number;
}

export default pipeline("clean", ({ from }) =>
  from(json<Order>(), { time: "clock" })
    .through(
      check<Order>([
        { reason: "it has no id", holds: ({ id }) => typeof id === "string" && id !== "" },
        { reason: "it costs nothing", holds: ({ cents }) => cents > 0 },
      ]),
      { rejects: (rejects) => rejects.to("rejects", json()) },
    )
    .through(dedupe({ by: ({ id }) => id, ttl: "1h" }))
    .to(json()));
