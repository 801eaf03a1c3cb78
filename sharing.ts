/**
 * Runs that several processes share: task stores and leases for `runProcessor`, first on DynamoDB. A module of its own,
 * because its clients are large and most runs need none.
 *
 * @example A process among others
 * ```ts ignore
 * import { runProcessor } from "@sluice/sluice";
 * import { KinesisSink, KinesisSource } from "@sluice/sluice/kinesis";
 * import { DynamoDbLeaseTable, DynamoDbTaskStore } from "@sluice/sluice/sharing";
 *
 * const region = "eu-central-1";
 * const table = { region, table: "sluice" };
 * await runProcessor({
 *   processor: "totals.ts",
 *   name: "totals",
 *   from: {
 *     default: await KinesisSource.open({ region, stream: "orders", isBounded: false, start: "earliest" }),
 *   },
 *   to: { default: await KinesisSink.open({ region, stream: "totals" }) },
 *   journal: "journal.db",
 *   roaming: {
 *     store: await DynamoDbTaskStore.open({ ...table, run: "totals" }),
 *     leases: new DynamoDbLeaseTable(table, "totals"),
 *     owner: Deno.hostname(),
 *     leaseMs: 10_000,
 *   },
 * });
 * ```
 *
 * @module
 */

export type { ServiceAddress } from "./adapters/aws.ts";
export type { BucketAddress } from "./adapters/dynamodb/blobs.ts";
export { DynamoDbLeaseTable } from "./adapters/dynamodb/lease_table.ts";
export type { TableAddress } from "./adapters/dynamodb/table.ts";
export { DynamoDbTaskStore, type DynamoDbTaskStoreOptions } from "./adapters/dynamodb/task_store.ts";
