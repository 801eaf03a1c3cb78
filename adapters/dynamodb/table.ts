/**
 * A DynamoDB table as this adapter uses it: the items of one run, by name. Reads are consistent; what must not be overtaken
 * is written under a condition.
 */

import {
  type AttributeValue,
  CreateTableCommand,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { NodeHttpHandler } from "@smithy/node-http-handler";

/** Where a table is. Credentials come by the SDK's default chain. */
export interface TableAddress {
  /** Such as `eu-central-1`. */
  readonly region: string;
  /** The name of the table. */
  readonly table: string;
  /** Another endpoint than the region's: an emulator, a VPC endpoint. */
  readonly endpoint?: string;
}

/** The attributes of an item besides its keys. */
export type Item = Readonly<Record<string, AttributeValue>>;

/** A condition on the item that is there, in DynamoDB's language, and its values. */
export interface Condition {
  readonly expression: string;
  readonly values?: Item;
  readonly names?: Readonly<Record<string, string>>;
}

const REQUEST_TIME_MS_MAX = 10_000;
const CONNECT_TIME_MS_MAX = 5_000;
/** AWS's own credentials have nothing to do with an emulator on this machine. s3rver wants these, others take any. */
const LOCAL_CREDENTIALS = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };

/** What clients of AWS and of emulators share. */
export function clientOptions({ region, endpoint }: Pick<TableAddress, "region" | "endpoint">) {
  const isLocal = endpoint !== undefined && /^https?:\/\/(?:localhost|127\.|\[::1\])/.test(endpoint);
  const hasCredentials = Deno.env.has("AWS_ACCESS_KEY_ID") || Deno.env.has("AWS_PROFILE");
  return {
    region,
    requestHandler: new NodeHttpHandler({
      requestTimeout: REQUEST_TIME_MS_MAX,
      connectionTimeout: CONNECT_TIME_MS_MAX,
      throwOnRequestTimeout: true,
    }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(isLocal && !hasCredentials ? { credentials: LOCAL_CREDENTIALS } : {}),
  };
}

/** The items of one run. */
export class RunTable {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #run: string;

  constructor(address: TableAddress, run: string) {
    this.#client = new DynamoDBClient(clientOptions(address));
    this.#table = address.table;
    this.#run = run;
  }

  /** Creates the table, for those who have none; on demand, so that it costs nothing while nothing happens. */
  async create(): Promise<void> {
    try {
      await this.#client.send(
        new CreateTableCommand({
          TableName: this.#table,
          BillingMode: "PAY_PER_REQUEST",
          KeySchema: [{ AttributeName: "run", KeyType: "HASH" }, { AttributeName: "item", KeyType: "RANGE" }],
          AttributeDefinitions: ["run", "item"].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
        }),
      );
    } catch (error) {
      if ((error as Error).name !== "ResourceInUseException") throw error;
    }
  }

  async get(item: string): Promise<Item | undefined> {
    const { Item } = await this.#client.send(
      new GetItemCommand({ TableName: this.#table, Key: this.#key(item), ConsistentRead: true }),
    );
    return Item;
  }

  /** The items whose names begin with `prefix`. */
  async list(prefix: string): Promise<readonly Item[]> {
    const items: Item[] = [];
    let start: Item | undefined;
    do {
      const page = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          ConsistentRead: true,
          KeyConditionExpression: "#run = :run AND begins_with(#item, :prefix)",
          ExpressionAttributeNames: { "#run": "run", "#item": "item" },
          ExpressionAttributeValues: { ":run": { S: this.#run }, ":prefix": { S: prefix } },
          ...(start ? { ExclusiveStartKey: start } : {}),
        }),
      );
      items.push(...page.Items ?? []);
      start = page.LastEvaluatedKey;
    } while (start);
    return items;
  }

  async put(item: string, attributes: Item): Promise<void> {
    await this.#client.send(
      new PutItemCommand({ TableName: this.#table, Item: { ...this.#key(item), ...attributes } }),
    );
  }

  async delete(item: string): Promise<void> {
    await this.#client.send(new DeleteItemCommand({ TableName: this.#table, Key: this.#key(item) }));
  }

  /** Sets attributes, if `condition` holds for what is there; answers whether it did. */
  async updateIf(item: string, attributes: Item, condition: Condition): Promise<boolean> {
    const entries = Object.entries(attributes);
    try {
      await this.#client.send(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: this.#key(item),
          UpdateExpression: `SET ${entries.map(([name]) => `#${name} = :${name}`).join(", ")}`,
          ConditionExpression: condition.expression,
          ExpressionAttributeNames: {
            ...Object.fromEntries(entries.map(([name]) => [`#${name}`, name])),
            ...condition.names,
          },
          ExpressionAttributeValues: {
            ...Object.fromEntries(entries.map(([name, value]) => [`:${name}`, value])),
            ...condition.values,
          },
        }),
      );
      return true;
    } catch (error) {
      if ((error as Error).name === "ConditionalCheckFailedException") return false;
      throw error;
    }
  }

  close(): void {
    this.#client.destroy();
  }

  #key(item: string): Item {
    return { run: { S: this.#run }, item: { S: item } };
  }
}
