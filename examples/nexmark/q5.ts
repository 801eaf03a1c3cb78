/** Query 5: the auctions with the most bids in ten seconds, every two seconds. */

import { count, hopping, json, pipeline, tumbling } from "@sluice/sluice/pipeline";
import { hottest } from "./hottest.ts";
import { bids, byDateTime } from "./model.ts";

export default pipeline("q5", ({ from }) =>
  from("bids", bids, byDateTime)
    .keyBy(({ auction }) => auction)
    .window(hopping("10s", "2s")).aggregate({ bids: count() })
    .keyBy(() => null)
    // The results of a window share its last millisecond, so these two seconds hold one window's.
    .window(tumbling("2s")).aggregate({ hot: hottest(({ bids }) => bids) })
    .flatMap(({ hot }) => hot.map(({ key, endMs, bids }) => ({ auction: Number(key), endMs, bids })))
    .to(json()));
