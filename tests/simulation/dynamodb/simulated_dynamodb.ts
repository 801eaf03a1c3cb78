/**
 * A DynamoDB with one table, as far as its clients can tell: items by `run` and `item`, conditional updates, queries that
 * answer page by page (docs.aws.amazon.com/amazondynamodb/latest/APIReference).
 */

import type { Answered } from "../aws/http.ts";
import { type Attributes, holds, type Placeholders } from "./conditions.ts";

interface Request extends Placeholders {
  readonly Key: Attributes;
  readonly Item: Attributes;
  readonly UpdateExpression: string;
  readonly ConditionExpression?: string;
  readonly KeyConditionExpression: string;
  readonly ExclusiveStartKey?: Attributes;
}

/** Few, so that lists have several. */
const PAGE_ITEMS = 5;
const encoder = new TextEncoder();

/** See the module. */
export class SimulatedDynamoDb {
  readonly #items = new Map<string, Attributes>();

  /** Does an action, such as `PutItem`. */
  do(action: string, request: unknown): Answered {
    const asked = request as Request;
    switch (action) {
      case "GetItem": {
        const item = this.#items.get(nameOf(asked.Key));
        return { body: item ? { Item: item } : {} };
      }
      case "PutItem":
        this.#items.set(nameOf(asked.Item), asked.Item);
        return { body: {} };
      case "DeleteItem":
        this.#items.delete(nameOf(asked.Key));
        return { body: {} };
      case "UpdateItem":
        return this.#update(asked);
      case "Query":
        return this.#query(asked);
      default:
        return { error: "UnknownOperationException", message: action };
    }
  }

  #update(request: Request): Answered {
    const { Key, UpdateExpression, ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues } = request;
    const before = this.#items.get(nameOf(Key)) ?? {};
    if (ConditionExpression !== undefined && !holds(ConditionExpression, before, request)) {
      return { error: "ConditionalCheckFailedException", message: "The conditional request failed" };
    }
    const changes = UpdateExpression.replace(/^SET /, "").split(", ").map((each) => {
      const [name, value] = each.split(" = ");
      return [ExpressionAttributeNames![name], ExpressionAttributeValues![value]] as const;
    });
    this.#items.set(nameOf(Key), { ...Key, ...before, ...Object.fromEntries(changes) });
    return { body: {} };
  }

  #query(request: Request): Answered {
    const { KeyConditionExpression, ExclusiveStartKey } = request;
    const start = ExclusiveStartKey && encoder.encode(String(ExclusiveStartKey.item.S));
    const items = [...this.#items.values()]
      .filter((item) => holds(KeyConditionExpression, item, request))
      .map((item) => ({ item, order: encoder.encode(String(item.item.S)) }))
      .filter(({ order }) => !start || compare(order, start) > 0)
      .sort((a, b) => compare(a.order, b.order)).map(({ item }) => item);
    const page = items.slice(0, PAGE_ITEMS);
    const last = items.length > page.length ? page.at(-1) : undefined;
    return { body: { Items: page, ...(last ? { LastEvaluatedKey: { run: last.run, item: last.item } } : {}) } };
  }
}

function nameOf({ run, item }: Attributes): string {
  return JSON.stringify([run.S, item.S]);
}

/** DynamoDB orders texts by their bytes. */
function compare(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return at < 0 ? a.length - b.length : a[at] - (b[at] ?? -1);
}
