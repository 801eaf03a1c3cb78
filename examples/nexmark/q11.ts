/** Query 11: how many bids people make in one go: until a pause of ten seconds. */

import { count, json, pipeline, session } from "@sluice/sluice/pipeline";
import { bids, byDateTime } from "./model.ts";

export default pipeline("q11", ({ from }) =>
  from("bids", bids, byDateTime)
    .keyBy(({ bidder }) => bidder)
    .window(session("10s")).aggregate({ bids: count() })
    .to(json()));
