/** What auctions were sold for: used by queries 4 and 6. */

import { first, intervalJoin, max, type PipelineBuilder, session, type Stream } from "@sluice/sluice/pipeline";
import { type Auction, AUCTION_MS_MAX, auctions, type Bid, bids, byDateTime } from "./model.ts";

/** An auction that is over and had bids. */
export interface ClosedAuction {
  readonly seller: number | null;
  readonly category: number | null;
  readonly price: number | null;
}

/** The highest bid of each auction in its time, once no more can come. */
export function closedAuctions({ from }: PipelineBuilder): Stream<ClosedAuction> {
  return from("auctions", auctions, byDateTime)
    .keyBy(({ id }) => id)
    .join(
      from("bids", bids, byDateTime).keyBy(({ auction }) => auction),
      intervalJoin({
        after: AUCTION_MS_MAX,
        combine: (auction: Auction | null, bid: Bid | null) => ({
          ...auction!,
          price: bid!.price,
          bidMs: bid!.dateTime,
        }),
      }),
    )
    .filter(({ bidMs, expires }) => bidMs < expires)
    .window(session(AUCTION_MS_MAX))
    .aggregate({
      seller: first(({ seller }) => seller),
      category: first(({ category }) => category),
      price: max(({ price }) => price),
    })
    .map(({ seller, category, price }) => ({ seller, category, price }));
}
