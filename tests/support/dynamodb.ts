/** Emulators of DynamoDB and S3 for tests, and names of their own for each of them. */

import { BUCKET } from "../../tools/services/s3.ts";
import type { BucketAddress } from "../../adapters/dynamodb/blobs.ts";
import { RunTable, type TableAddress } from "../../adapters/dynamodb/table.ts";
import { sharedService } from "./shared_service.ts";

/** The endpoint of an emulator. */
async function endpointOf(name: "dynamodb" | "s3"): Promise<string> {
  return `http://${(await sharedService(name)).address}`;
}

/** A table that no other test knows; in the emulator that all share unless another one is given. */
export async function freshTable(other?: string): Promise<TableAddress> {
  const endpoint = other ?? await endpointOf("dynamodb");
  const address = { region: "us-east-1", table: `test-${crypto.randomUUID()}`, endpoint };
  const table = new RunTable(address, "none");
  await table.create();
  table.close();
  return address;
}

/** A bucket, with a prefix that no other test knows. */
export async function freshBucket(): Promise<BucketAddress> {
  const endpoint = await endpointOf("s3");
  return { region: "us-east-1", bucket: BUCKET, prefix: `${crypto.randomUUID()}/`, endpoint };
}
