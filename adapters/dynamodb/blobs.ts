/**
 * Bytes of any size: in an item of the table where they fit, else in an object of S3-compatible storage. An item may have
 * 400 KB, names included.
 */

import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { clientOptions, openConnections, type ServiceAddress } from "../aws.ts";
import { TaskStoreError } from "../task_store.ts";
import { insist, type RunTable, TIMES } from "./table.ts";

/** Where objects go. */
export interface BucketAddress extends ServiceAddress {
  /** The name of the bucket. */
  readonly bucket: string;
  /** Before the names of all objects; ends with a slash. */
  readonly prefix: string;
}

const INLINE_BYTES_MAX = 300_000;

/** See the module. */
export class Blobs {
  readonly #table: RunTable;
  readonly #run: string;
  readonly #bucket: BucketAddress | undefined;
  readonly #client: S3Client | undefined;

  constructor(table: RunTable, run: string, bucket: BucketAddress | undefined) {
    this.#table = table;
    this.#run = run;
    this.#bucket = bucket;
    this.#client = bucket && new S3Client({
      ...clientOptions(bucket, openConnections(TIMES)),
      forcePathStyle: bucket.endpoint !== undefined,
      // Others than AWS do not know its newer checksums.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
    });
  }

  /** @throws {TaskStoreError} when they do not fit into an item, and there is no bucket */
  async put(name: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length <= INLINE_BYTES_MAX) return await this.#table.put(itemOf(name), { data: { B: bytes } });
    if (!this.#bucket || !this.#client) {
      throw new TaskStoreError(
        `Cannot store ${name}: it has ${bytes.length} bytes, an item takes ${INLINE_BYTES_MAX}; name a bucket for what is ` +
          "larger, with &bucket=NAME",
        { code: "E_STORE_TOO_SMALL" },
      );
    }
    const { bucket } = this.#bucket;
    const client = this.#client;
    await insist(() => client.send(new PutObjectCommand({ Bucket: bucket, Key: this.#keyOf(name), Body: bytes })));
    await this.#table.put(itemOf(name), { object: { S: this.#keyOf(name) } });
  }

  /** Undefined when there is nothing by that name. */
  async get(name: string): Promise<Uint8Array | undefined> {
    const item = await this.#table.get(itemOf(name));
    if (item?.data?.B) return item.data.B;
    if (!item?.object?.S || !this.#bucket || !this.#client) return undefined;
    const [client, command] = [this.#client, new GetObjectCommand({ Bucket: this.#bucket.bucket, Key: item.object.S })];
    return await insist(async () => await (await client.send(command)).Body!.transformToByteArray());
  }

  async delete(name: string): Promise<void> {
    const item = await this.#table.get(itemOf(name));
    if (item?.object?.S && this.#bucket) {
      const command = new DeleteObjectCommand({ Bucket: this.#bucket.bucket, Key: item.object.S });
      await insist(async () => await this.#client?.send(command));
    }
    await this.#table.delete(itemOf(name));
  }

  close(): void {
    this.#client?.destroy();
  }

  #keyOf(name: string): string {
    return `${this.#bucket!.prefix}${this.#run}/${name}`;
  }
}

function itemOf(name: string): string {
  return `blob#${name}`;
}
