/** Query 4: the average of what auctions of a category were sold for, so far. */

import { json, pipeline, stateMachine } from "@sluice/sluice/pipeline";
import { type ClosedAuction, closedAuctions } from "./closed_auctions.ts";

export default pipeline("q4", (builder) =>
  closedAuctions(builder)
    .keyBy(({ category }) => category)
    .through(
      stateMachine({
        initial: { total: 0, sold: 0 },
        on: ({ total, sold }, { category, price }: ClosedAuction) => {
          const state = { total: total + price!, sold: sold + 1 };
          return { state, emit: [{ category, average: state.total / state.sold }] };
        },
      }),
    )
    .to(json()));
