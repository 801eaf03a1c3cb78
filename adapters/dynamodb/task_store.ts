/**
 * A task store on a DynamoDB table, with S3-compatible storage for what is larger than an item.
 *
 * ```
 * item            attributes
 * plan            version, text
 * task#NAME       fence, seq, base, owners: [[first feed, fence], …] since the base
 * blob#NAME       data, or the object that has it
 * ```
 *
 * A task's item is the only truth, and is changed under a condition: the owner's fence, and `seq - 1 → seq`. Feeds and bases
 * are written before it, under names with the fence in them: what a fenced owner wrote is never looked at.
 */

import { gunzipSync, gzipSync } from "node:zlib";
import { reasonOf } from "../aws.ts";
import { type StoredPlan, type StoredTask, type TaskHold, type TaskStore, TaskStoreError } from "../task_store.ts";
import { Blobs, type BucketAddress } from "./blobs.ts";
import { type Item, RunTable, type TableAddress } from "./table.ts";

/** Where to store, and for whom. */
export interface DynamoDbTaskStoreOptions extends TableAddress {
  /** The run whose tasks are stored. */
  readonly run: string;
  /** For what is larger than an item. */
  readonly bucket?: BucketAddress;
}

const PLAN = "plan";
const SEQ_DIGITS = 12;

/** See the module. */
export class DynamoDbTaskStore implements TaskStore {
  readonly description: string;
  readonly #table: RunTable;
  readonly #blobs: Blobs;

  private constructor(options: DynamoDbTaskStoreOptions) {
    this.#table = new RunTable(options, options.run);
    this.#blobs = new Blobs(this.#table, options.run, options.bucket);
    this.description = `dynamodb:${options.region}/${options.table}`;
  }

  /** Connects. @throws {TaskStoreError} when the table cannot be reached */
  static async open(options: DynamoDbTaskStoreOptions): Promise<DynamoDbTaskStore> {
    const store = new DynamoDbTaskStore(options);
    try {
      await store.plan();
      return store;
    } catch (cause) {
      await store.close();
      const message = `Cannot use ${store.description}: ${reasonOf(cause)}`;
      throw new TaskStoreError(message, { code: "E_STORE_UNREACHABLE", cause });
    }
  }

  async plan(): Promise<StoredPlan | undefined> {
    const item = await this.#table.get(PLAN);
    return item && { version: Number(item.version.N), text: item.text.S! };
  }

  async proposePlan(version: number, text: string): Promise<boolean> {
    const attributes = { version: { N: String(version + 1) }, text: { S: text } };
    if (version === 0) {
      return await this.#table.updateIf(PLAN, attributes, { expression: "attribute_not_exists(#version)" });
    }
    const values = { ":known": { N: String(version) } };
    return await this.#table.updateIf(PLAN, attributes, { expression: "#version = :known", values });
  }

  async acquire(task: string): Promise<TaskHold> {
    for (;;) {
      const head = headFrom(await this.#table.get(itemOf(task)));
      const fence = (head?.fence ?? 0) + 1;
      const owners = head?.seq === undefined ? [] : [...head.owners, [head.seq + 1, fence] as const];
      const next = { fence: { N: String(fence) }, owners: { S: JSON.stringify(owners) } };
      const condition = head
        ? { expression: "#fence = :known", values: { ":known": { N: String(head.fence) } } }
        : { expression: "attribute_not_exists(#fence)" };
      if (!await this.#table.updateIf(itemOf(task), next, condition)) continue;
      const taken = { fence, seq: head?.seq, base: head?.base, owners };
      return new DynamoDbTaskHold({ task, table: this.#table, blobs: this.#blobs }, taken);
    }
  }

  async peek(task: string): Promise<StoredTask | undefined> {
    const head = headFrom(await this.#table.get(itemOf(task)));
    return head && await new DynamoDbTaskHold({ task, table: this.#table, blobs: this.#blobs }, head).load();
  }

  async putCode(hash: string, text: string): Promise<void> {
    const name = `code/${hash}`;
    if (!await this.#blobs.get(name)) await this.#blobs.put(name, gzipSync(text));
  }

  async code(hash: string): Promise<string | undefined> {
    const bytes = await this.#blobs.get(`code/${hash}`);
    return bytes && gunzipSync(bytes).toString();
  }

  close(): Promise<void> {
    this.#table.close();
    this.#blobs.close();
    return Promise.resolve();
  }
}

/** What the item of a task says. */
interface Head {
  readonly fence: number;
  readonly seq: number | undefined;
  readonly base: Base | undefined;
  /** Who appended which feeds since the base. */
  readonly owners: readonly (readonly [firstSeq: number, fence: number])[];
}

interface Base {
  readonly seq: number;
  readonly name: string;
}

function itemOf(task: string): string {
  return `task#${task}`;
}

function headFrom(item: Item | undefined): Head | undefined {
  if (!item) return undefined;
  return {
    fence: Number(item.fence.N),
    seq: item.seq === undefined ? undefined : Number(item.seq.N),
    base: item.base === undefined ? undefined : JSON.parse(item.base.S!),
    owners: JSON.parse(item.owners?.S ?? "[]"),
  };
}

/** What a hold works with. */
interface HoldParts {
  readonly task: string;
  readonly table: RunTable;
  readonly blobs: Blobs;
}

class DynamoDbTaskHold implements TaskHold {
  readonly #parts: HoldParts;
  #head: Head;

  constructor(parts: HoldParts, head: Head) {
    this.#parts = parts;
    this.#head = head;
  }

  get seq(): number | undefined {
    return this.#head.seq;
  }

  async load(): Promise<StoredTask | undefined> {
    const { seq, base } = this.#head;
    if (seq === undefined || base === undefined) return undefined;
    const feeds: Uint8Array[] = [];
    for (let each = base.seq + 1; each <= seq; each++) feeds.push(await this.#get(this.#feedName(each)));
    return { seq, base: await this.#get(base.name), feeds };
  }

  async append(seq: number, feed: Uint8Array): Promise<void> {
    const { blobs } = this.#parts;
    await blobs.put(this.#feedName(seq), feed);
    await this.#update(seq, { seq: { N: String(seq) } }, {
      expression: "#fence = :own AND #seq = :before",
      values: { ":before": { N: String(seq - 1) } },
    });
    this.#head = { ...this.#head, seq };
  }

  async rebase(seq: number, base: Uint8Array): Promise<void> {
    const { task, blobs } = this.#parts;
    const before = this.#head;
    const next: Base = { seq, name: `${task}/base/${digits(seq)}/${before.fence}` };
    const owners = [[seq + 1, before.fence] as const];
    await blobs.put(next.name, base);
    await this.#update(seq, {
      seq: { N: String(seq) },
      base: { S: JSON.stringify(next) },
      owners: { S: JSON.stringify(owners) },
    }, {
      expression: "#fence = :own AND (attribute_not_exists(#seq) OR #seq = :before)",
      values: { ":before": { N: String(seq) } },
    });
    this.#head = { ...before, seq, base: next, owners };
    await this.#forget(before, next);
  }

  async verify(): Promise<void> {
    const { task, table } = this.#parts;
    const now = headFrom(await table.get(itemOf(task)));
    if (now?.fence !== this.#head.fence) throw this.#fenced("go on with", now);
  }

  /** Removes what nobody needs any more. It does no harm when some of it is left. */
  async #forget({ base, owners }: Head, next: Base): Promise<void> {
    const { blobs } = this.#parts;
    if (!base || base.name === next.name) return;
    await blobs.delete(base.name);
    for (let seq = base.seq + 1; seq <= next.seq; seq++) await blobs.delete(this.#feedName(seq, owners));
  }

  /** Changes the task's item. A change whose answer was lost is found there when it is tried again. */
  async #update(
    seq: number,
    attributes: Item,
    { expression, values }: { readonly expression: string; readonly values: Item },
  ): Promise<void> {
    const { task, table } = this.#parts;
    const own = { N: String(this.#head.fence) };
    const condition = { expression, values: { ...values, ":own": own }, names: { "#fence": "fence" } };
    if (await table.updateIf(itemOf(task), attributes, condition)) return;
    const now = headFrom(await table.get(itemOf(task)));
    const isDone = now?.fence === this.#head.fence && now.seq === seq &&
      (attributes.base === undefined || JSON.stringify(now.base) === attributes.base.S);
    if (isDone) return;
    throw this.#fenced(`store feed ${seq} of`, now);
  }

  #fenced(act: string, now: Head | undefined): TaskStoreError {
    const { task } = this.#parts;
    return new TaskStoreError(
      `Cannot ${act} task ${task}: another process has taken the task over (its fence is ${now?.fence}, ours ` +
        `${this.#head.fence})`,
      { code: "E_FENCED", task },
    );
  }

  #feedName(seq: number, owners = this.#head.owners): string {
    const fence = owners.findLast(([first]) => first <= seq)?.[1] ?? this.#head.fence;
    return `${this.#parts.task}/feed/${digits(seq)}/${fence}`;
  }

  async #get(name: string): Promise<Uint8Array> {
    const bytes = await this.#parts.blobs.get(name);
    if (bytes) return bytes;
    throw new TaskStoreError(`Cannot load task ${this.#parts.task}: ${name} is missing from its store`, {
      code: "E_STORE_DAMAGED",
      task: this.#parts.task,
    });
  }
}

function digits(seq: number): string {
  return String(seq).padStart(SEQ_DIGITS, "0");
}
