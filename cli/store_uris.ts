/** `--store dynamodb://REGION/TABLE?…`: where the processes of a run meet. docs/SHARING.md explains every option. */

import type { BucketAddress } from "../adapters/dynamodb/blobs.ts";
import type { RoamingOptions } from "../controller/roaming/roaming_group.ts";
import { checkOptions, flagOption, parseUri } from "./uri.ts";
import { UsageError } from "./usage_error.ts";

/** What a run says about itself to the others. */
export interface SharedRun {
  readonly run: string;
  /** Made up unless given. */
  readonly owner?: string | undefined;
  readonly leaseMs: number;
}

/** Opens the store at `uri`. */
export async function openStore(uri: string, { run, owner = anyOwner(), leaseMs }: SharedRun): Promise<RoamingOptions> {
  const { path, options } = parseUri(uri, ["dynamodb"]);
  const [, region, table] = /^\/\/([a-z]{2}(?:-[a-z]+)+-\d)\/([A-Za-z0-9_.-]{3,255})$/.exec(path) ?? [];
  if (region === undefined) {
    throw new UsageError(
      `Cannot use ${uri}: dynamodb://REGION/TABLE is wanted, such as dynamodb://eu-central-1/sluice`,
    );
  }
  checkOptions(uri, options, ["endpoint", "bucket", "prefix", "s3", "create"]);
  const endpoint = endpointOf(uri, options.get("endpoint"));
  const address = { region, table, ...(endpoint === undefined ? {} : { endpoint }) };
  const bucket = bucketOf(uri, region, options);
  // Loaded only now: clients are large.
  const [{ RunTable }, { DynamoDbTaskStore }, { DynamoDbLeaseTable }] = await Promise.all([
    import("../adapters/dynamodb/table.ts"),
    import("../adapters/dynamodb/task_store.ts"),
    import("../adapters/dynamodb/lease_table.ts"),
  ]);
  if (flagOption(uri, options, "create")) {
    const created = new RunTable(address, run);
    await created.create();
    created.close();
  }
  const store = await DynamoDbTaskStore.open({ ...address, run, ...(bucket ? { bucket } : {}) });
  return { store, leases: new DynamoDbLeaseTable(address, run), owner, leaseMs };
}

function bucketOf(uri: string, region: string, options: ReadonlyMap<string, string>): BucketAddress | undefined {
  const bucket = options.get("bucket");
  const endpoint = endpointOf(uri, options.get("s3"));
  if (bucket === undefined) return undefined;
  const prefix = options.get("prefix")?.replace(/\/*$/, "/") ?? "sluice/";
  return { region, bucket, prefix, ...(endpoint === undefined ? {} : { endpoint }) };
}

function endpointOf(uri: string, endpoint: string | undefined): string | undefined {
  if (endpoint === undefined || URL.canParse(endpoint)) return endpoint;
  throw new UsageError(`Cannot use ${uri}: ${endpoint} is no endpoint; http://127.0.0.1:8000 is one`);
}

function anyOwner(): string {
  return `${Deno.hostname()}-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
}
