/** Query 8: who sold something within the ten seconds in which they came. */

import { dedupe, json, pipeline, tumbling, windowJoin } from "@sluice/sluice/pipeline";
import { type Auction, auctions, byDateTime, people, type Person } from "./model.ts";

export default pipeline("q8", ({ from }) =>
  from("people", people, byDateTime)
    .keyBy(({ id }) => id)
    .join(
      from("auctions", auctions, byDateTime).keyBy(({ seller }) => seller),
      windowJoin(tumbling("10s"), {
        combine: (person: Person | null, _: Auction | null) => ({ id: person!.id, name: person!.name }),
      }),
    )
    .through(dedupe({ by: ({ id }) => id, ttl: "10s" }))
    .to(json()));
