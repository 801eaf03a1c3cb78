/** Query 6: the average of what the last ten auctions of a seller were sold for. */

import { json, pipeline, stateMachine } from "@sluice/sluice/pipeline";
import { type ClosedAuction, closedAuctions } from "./closed_auctions.ts";

export default pipeline("q6", (builder) =>
  closedAuctions(builder)
    .keyBy(({ seller }) => seller)
    .through(
      stateMachine({
        initial: [] as readonly number[],
        on: (last, { seller, price }: ClosedAuction) => {
          const prices = [...last, price!].slice(-10);
          const average = prices.reduce((sum, each) => sum + each, 0) / prices.length;
          return { state: prices, emit: [{ seller, average }] };
        },
      }),
    )
    .to(json()));
