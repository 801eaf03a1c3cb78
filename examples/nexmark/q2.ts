/** Query 2: bids on some auctions. */

import { json, pipeline } from "@sluice/sluice/pipeline";
import { bids, byDateTime } from "./model.ts";

export default pipeline("q2", ({ from }) =>
  from("bids", bids, byDateTime)
    .filter(({ auction }) => auction % 123 === 0)
    .map(({ auction, price }) => ({ auction, price }))
    .to(json()));
