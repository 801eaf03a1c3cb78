/** Query 12: how many bids people make in ten seconds by the clock of the run, whatever the bids say. */

import { count, json, pipeline, tumbling } from "@sluice/sluice/pipeline";
import { bids } from "./model.ts";

export default pipeline("q12", ({ from }) =>
  from("bids", bids, { time: "clock" })
    .keyBy(({ bidder }) => bidder)
    .window(tumbling("10s")).aggregate({ bids: count() })
    .to(json()));
