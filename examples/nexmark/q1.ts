/** Query 1: what bids in dollars are in euros. */

import { json, pipeline } from "@sluice/sluice/pipeline";
import { bids, byDateTime } from "./model.ts";

export default pipeline(
  "q1",
  ({ from }) => from("bids", bids, byDateTime).map((bid) => ({ ...bid, price: bid.price * 908 / 1000 })).to(json()),
);
