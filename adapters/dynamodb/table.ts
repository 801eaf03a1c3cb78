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
import { clientOptions, isPassing, openConnections, reasonOf, type RequestTimes, type ServiceAddress } from "../aws.ts";
import { patiently } from "../patience.ts";
import { TaskStoreError } from "../task_store.ts";

/** Where a table is. */
export interface TableAddress extends ServiceAddress {
  /** The name of the table. */
  readonly table: string;
}

/** The attributes of an item besides its keys. */
export type Item = Readonly<Record<string, AttributeValue>>;

/** A condition on the item that is there, in DynamoDB's language, and its values. */
export interface Condition {
  readonly expression: string;
  readonly values?: Item;
  readonly names?: Readonly<Record<string, string>>;
}

/** How long requests may take; an operation is tried again for as long as what it meets passes. */
export const TIMES: RequestTimes = { requestMsMax: 10_000, connectMsMax: 5_000 };
const OUTAGE_MS_MAX = 60_000;

/**
 * Tries until it works. Everything that is done here may be done twice.
 *
 * @throws {TaskStoreError} with code `E_STORE_UNREACHABLE` when it takes too long
 */
export async function insist<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await patiently({ timeMsMax: OUTAGE_MS_MAX, isPassing }, attempt);
  } catch (cause) {
    if (!isPassing(cause)) throw cause;
    throw new TaskStoreError(`Cannot reach the task store: ${reasonOf(cause)}`, { code: "E_STORE_UNREACHABLE", cause });
  }
}

/** The items of one run. */
export class RunTable {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #run: string;

  constructor(address: TableAddress, run: string) {
    this.#client = new DynamoDBClient(clientOptions(address, openConnections(TIMES)));
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
    const command = new GetItemCommand({ TableName: this.#table, Key: this.#key(item), ConsistentRead: true });
    return (await insist(() => this.#client.send(command))).Item;
  }

  /** The items whose names begin with `prefix`. */
  async list(prefix: string): Promise<readonly Item[]> {
    const items: Item[] = [];
    let start: Item | undefined;
    do {
      const query = new QueryCommand({
        TableName: this.#table,
        ConsistentRead: true,
        KeyConditionExpression: "#run = :run AND begins_with(#item, :prefix)",
        ExpressionAttributeNames: { "#run": "run", "#item": "item" },
        ExpressionAttributeValues: { ":run": { S: this.#run }, ":prefix": { S: prefix } },
        ...(start ? { ExclusiveStartKey: start } : {}),
      });
      const page = await insist(() => this.#client.send(query));
      items.push(...page.Items ?? []);
      start = page.LastEvaluatedKey;
    } while (start);
    return items;
  }

  async put(item: string, attributes: Item): Promise<void> {
    const command = new PutItemCommand({ TableName: this.#table, Item: { ...this.#key(item), ...attributes } });
    await insist(() => this.#client.send(command));
  }

  async delete(item: string): Promise<void> {
    const command = new DeleteItemCommand({ TableName: this.#table, Key: this.#key(item) });
    await insist(() => this.#client.send(command));
  }

  /**
   * Sets attributes, if `condition` holds for what is there; answers whether it did. When an answer was lost, what is there
   * may be one's own.
   */
  async updateIf(item: string, attributes: Item, condition: Condition): Promise<boolean> {
    const entries = Object.entries(attributes);
    try {
      const command = new UpdateItemCommand({
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
      });
      await insist(() => this.#client.send(command));
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
