/** Leases in a DynamoDB table: an item per task, `lease#NAME`, changed where its counter is the one that was seen. */

import type { Lease, LeaseTable } from "../lease_table.ts";
import { type Item, RunTable, type TableAddress } from "./table.ts";

const PREFIX = "lease#";

/** See the module. */
export class DynamoDbLeaseTable implements LeaseTable {
  readonly #table: RunTable;

  /** Leases of the tasks of `run`; nothing is asked yet. */
  constructor(address: TableAddress, run: string) {
    this.#table = new RunTable(address, run);
  }

  async list(): Promise<readonly Lease[]> {
    return (await this.#table.list(PREFIX)).map(leaseFrom);
  }

  async add(task: string): Promise<void> {
    const first = { counter: { N: "0" }, owner: { S: "" }, wantedBy: { S: "" } };
    await this.#table.updateIf(PREFIX + task, first, { expression: "attribute_not_exists(#counter)" });
  }

  async take(lease: Lease, owner: string): Promise<Lease | undefined> {
    const isRenewal = lease.owner === owner;
    // A renewal leaves alone what was asked since the lease was seen; a new owner has answered it.
    const attributes = isRenewal ? {} : { owner: { S: owner }, wantedBy: { S: "" } };
    if (!await this.#change(lease, attributes)) return undefined;
    return { ...lease, owner, counter: lease.counter + 1, wantedBy: isRenewal ? lease.wantedBy : undefined };
  }

  async release(lease: Lease, next = ""): Promise<void> {
    await this.#change(lease, { owner: { S: next }, wantedBy: { S: "" } });
  }

  async ask(lease: Lease, owner: string): Promise<void> {
    // The owner renews meanwhile: what is asked must not fail by that, nor count as a sign of life.
    const asked = { wantedBy: { S: owner } };
    const values = { ":is": { S: lease.owner ?? "" } };
    await this.#table.updateIf(PREFIX + lease.task, asked, {
      expression: "#owner = :is",
      values,
      names: { "#owner": "owner" },
    });
  }

  async remove(task: string): Promise<void> {
    await this.#table.delete(PREFIX + task);
  }

  close(): Promise<void> {
    this.#table.close();
    return Promise.resolve();
  }

  #change({ task, counter }: Lease, attributes: Item): Promise<boolean> {
    return this.#table.updateIf(
      PREFIX + task,
      { counter: { N: String(counter + 1) }, ...attributes },
      { expression: "#counter = :seen", values: { ":seen": { N: String(counter) } } },
    );
  }
}

function leaseFrom(item: Item): Lease {
  return {
    task: item.item.S!.slice(PREFIX.length),
    owner: item.owner.S || undefined,
    counter: Number(item.counter.N),
    wantedBy: item.wantedBy?.S || undefined,
  };
}
