/** Query 3: who sells in some states, in one category. The seller is looked up as of the time of the auction. */

import { asOfJoin, json, pipeline } from "@sluice/sluice/pipeline";
import { type Auction, auctions, byDateTime, people, type Person } from "./model.ts";

export default pipeline("q3", ({ from }) => {
  const sellers = from("people", people, byDateTime)
    .filter(({ state }) => ["OR", "ID", "CA"].includes(state))
    .keyBy(({ id }) => id);
  from("auctions", auctions, byDateTime)
    .filter(({ category }) => category === 10)
    .keyBy(({ seller }) => seller)
    .join(
      sellers,
      asOfJoin({
        kind: "inner",
        combine: (auction: Auction | null, person: Person | null) => ({
          name: person!.name,
          city: person!.city,
          state: person!.state,
          auction: auction!.id,
        }),
      }),
    )
    .to(json());
});
