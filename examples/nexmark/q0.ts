/** Query 0: every bid as it is. */

import { json, pipeline } from "@sluice/sluice/pipeline";
import { bids, byDateTime } from "./model.ts";

export default pipeline("q0", ({ from }) => from("bids", bids, byDateTime).to(json()));
