/** Which transaction protocol a cluster speaks: brokers finalize the feature `transaction.version` (KIP-584, KIP-890). */

import type { Cluster } from "./cluster.ts";
import { check } from "./kafka_error.ts";
import { Reader, Writer } from "./wire.ts";

/** See `transaction.ts`. */
export type TransactionProtocol = "v1" | "v2";

const FINALIZED_FEATURES = 2;

/** Which protocol the cluster speaks. */
export async function transactionProtocolOf(cluster: Cluster): Promise<TransactionProtocol> {
  const body = new Writer().compactString("sluice").compactString("0").noTags().written;
  const broker = await cluster.anyBroker();
  const answer = await broker.send({ name: "ApiVersions", key: 18, version: 3, isFlexible: true, body: [body] });
  check(answer.int16(), "ask for the versions of the protocol");
  answer.compactArray(() => {
    answer.raw(6);
    answer.tags();
  });
  answer.int32();
  const finalizedFeatures = answer.tags().get(FINALIZED_FEATURES);
  return finalizedFeatures && transactionVersion(new Reader(finalizedFeatures)) >= 2 ? "v2" : "v1";
}

function transactionVersion(features: Reader): number {
  const levels = features.compactArray(() => {
    const level = [features.compactString(), features.int16()] as const;
    features.int16();
    features.tags();
    return level;
  });
  return levels.find(([name]) => name === "transaction.version")?.[1] ?? 0;
}
