/** Emulators of DynamoDB and S3 for tests, and names of their own for each of them. */

import { startDynamodb } from "../../tools/services/dynamodb.ts";
import { BUCKET, startS3 } from "../../tools/services/s3.ts";
import { running, type ServiceName, type Started } from "../../tools/services/services.ts";
import type { BucketAddress } from "../../adapters/dynamodb/blobs.ts";
import { RunTable, type TableAddress } from "../../adapters/dynamodb/table.ts";

const started = new Map<ServiceName, Promise<Started>>();

/** The endpoint of an emulator that all tests share: the one of `deno task services`, or one that ends with the tests. */
async function endpointOf(name: ServiceName, start: (folder: string) => Promise<Started>): Promise<string> {
  const known = (await running()).find((service) => service.name === name);
  if (known) return `http://${known.address}`;
  let service = started.get(name);
  if (!service) {
    service = start(await Deno.makeTempDir({ prefix: `sluice-${name}-` }));
    started.set(name, service);
    const pid = (await service).pid;
    globalThis.addEventListener("unload", () => Deno.kill(pid, "SIGKILL"));
  }
  return `http://${(await service).address}`;
}

/** A table that no other test knows; in the emulator that all share unless another one is given. */
export async function freshTable(other?: string): Promise<TableAddress> {
  const endpoint = other ?? await endpointOf("dynamodb", startDynamodb);
  const address = { region: "us-east-1", table: `test-${crypto.randomUUID()}`, endpoint };
  const table = new RunTable(address, "none");
  await table.create();
  table.close();
  return address;
}

/** A bucket, with a prefix that no other test knows. */
export async function freshBucket(): Promise<BucketAddress> {
  const endpoint = await endpointOf("s3", startS3);
  return { region: "us-east-1", bucket: BUCKET, prefix: `${crypto.randomUUID()}/`, endpoint };
}
