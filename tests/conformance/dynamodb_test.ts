/** DynamoDB, with S3 for what is large, through the suites of its ports, on emulators. */

import { DynamoDbLeaseTable } from "../../adapters/dynamodb/lease_table.ts";
import { DynamoDbTaskStore } from "../../adapters/dynamodb/task_store.ts";
import { freshBucket, freshTable } from "../support/dynamodb.ts";
import { testLeaseTable, testTaskStore } from "./task_store_suite.ts";

testTaskStore("dynamodb", async () => {
  const options = { ...await freshTable(), run: 'run\'s "name"', bucket: await freshBucket() };
  return () => DynamoDbTaskStore.open(options);
}, 2_000_000);

testLeaseTable("dynamodb leases", async () => new DynamoDbLeaseTable(await freshTable(), "run"));
