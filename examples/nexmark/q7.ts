/** Query 7: the highest bids of every ten seconds. */

import { json, pipeline, tumbling } from "@sluice/sluice/pipeline";
import { hottest } from "./hottest.ts";
import { type Bid, bids, byDateTime } from "./model.ts";

export default pipeline("q7", ({ from }) =>
  from("bids", bids, byDateTime)
    .window(tumbling("10s")).aggregate({ highest: hottest(({ price }: Bid) => price) })
    .flatMap(({ highest }) => highest)
    .to(json()));
