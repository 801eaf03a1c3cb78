/** How long to wait for a Kafka cluster, and for what. */

import type { PatienceOptions } from "../patience.ts";
import type { Cluster } from "./protocol/cluster.ts";
import { isPassing } from "./protocol/kafka_error.ts";

/** Before another attempt, what was known of leaders and coordinators is asked anew. */
export function patience(
  cluster: Cluster,
  timeMsMax: number,
  more: Pick<PatienceOptions, "onOutage" | "leave"> = {},
): PatienceOptions {
  return { timeMsMax, isPassing, refresh: () => cluster.refresh(), ...more };
}
