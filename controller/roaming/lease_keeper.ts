/**
 * Which tasks this process runs: a fair share of them, kept by leases.
 *
 * - Leases are renewed in every round. One that nobody has, or whose counter stood still for `leaseMs` by this process's own
 *   clock, is taken, up to a fair share.
 * - Who has less than its share asks the owner that has most. That one stops the task when its feeds are committed, and hands
 *   the lease over; if it does not, the lease is taken from it.
 * - A lease that was lost says so in the next round. A process that cannot reach the table for `leaseMs` runs nothing.
 */

import type { Lease, LeaseTable } from "../../adapters/lease_table.ts";

/** How to keep leases. */
export interface LeaseKeeperOptions {
  readonly table: LeaseTable;
  /** Tells this process from every other. */
  readonly owner: string;
  /** How long a counter may stand still. */
  readonly leaseMs: number;
  /** A clock that never goes back, such as `performance.now`. */
  readonly nowMs: () => number;
}

/** What to do after a round. */
export interface LeaseRound {
  /** The tasks to run. */
  readonly held: ReadonlySet<string>;
  /** Of those, the ones to stop and to hand over. */
  readonly wanted: ReadonlySet<string>;
}

/** An owner that does not hand over what it was asked for loses it after so many times `leaseMs`. */
const PATIENCE = 3;

/** What was seen of a lease. */
interface Seen {
  readonly owner: string | undefined;
  readonly counter: number;
  /** When it was seen first, by our clock. */
  readonly sinceMs: number;
}

/** See the module. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #seen = new Map<string, Seen>();
  readonly #held = new Map<string, Lease>();
  /** Task → when its owner was asked first. */
  readonly #askedMs = new Map<string, number>();
  #lastRoundMs: number;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#lastRoundMs = options.nowMs();
  }

  /** Whether so much time has passed since the last round that others may have what this process holds. */
  get isLate(): boolean {
    return this.#options.nowMs() - this.#lastRoundMs > this.#options.leaseMs;
  }

  /** Renews, takes and asks. `tasks` are all that there are. @throws what the table throws */
  async round(tasks: readonly string[]): Promise<LeaseRound> {
    const { table, nowMs } = this.#options;
    const startMs = nowMs();
    const leases = (await this.#listed(tasks)).filter(({ task }) => tasks.includes(task));
    for (const lease of leases) this.#note(lease);
    this.#held.clear();
    for (const lease of leases.filter((each) => this.#isOwn(each))) this.#keep(await table.take(lease, lease.owner!));
    const others = leases.filter((lease) => !this.#isOwn(lease));
    await this.#balance(others, tasks.length);
    this.#lastRoundMs = startMs;
    const wanted = [...this.#held.values()].filter(({ wantedBy }) =>
      wantedBy !== undefined && wantedBy !== this.#owner
    );
    return { held: new Set(this.#held.keys()), wanted: new Set(wanted.map(({ task }) => task)) };
  }

  /** Gives a task back that has stopped: to who asked for it, or to anybody. */
  async release(task: string): Promise<void> {
    const lease = this.#held.get(task);
    this.#held.delete(task);
    if (lease) await this.#options.table.release(lease, lease.wantedBy);
  }

  get #owner(): string {
    return this.#options.owner;
  }

  async #listed(tasks: readonly string[]): Promise<readonly Lease[]> {
    const { table } = this.#options;
    const leases = await table.list();
    const missing = tasks.filter((task) => !leases.some((lease) => lease.task === task));
    if (missing.length === 0) return leases;
    for (const task of missing) await table.add(task);
    return await table.list();
  }

  #isOwn({ owner }: Lease): boolean {
    return owner === this.#owner;
  }

  #keep(lease: Lease | undefined): void {
    if (!lease) return;
    this.#held.set(lease.task, lease);
    this.#askedMs.delete(lease.task);
  }

  #note({ task, owner, counter }: Lease): void {
    const seen = this.#seen.get(task);
    if (seen?.owner === owner && seen?.counter === counter) return;
    this.#seen.set(task, { owner, counter, sinceMs: this.#options.nowMs() });
  }

  #isFree({ task, owner }: Lease): boolean {
    const { nowMs, leaseMs } = this.#options;
    return owner === undefined || nowMs() - this.#seen.get(task)!.sinceMs > leaseMs;
  }

  /** Takes what is free, or asks for what it lacks; answers how many owners there are. */
  async #balance(others: readonly Lease[], tasks: number): Promise<number> {
    const living = others.filter((lease) => !this.#isFree(lease));
    const loads = new Map<string, Lease[]>();
    for (const lease of living) loads.set(lease.owner!, [...loads.get(lease.owner!) ?? [], lease]);
    const owners = loads.size + 1;
    const free = rotated(others.filter((lease) => this.#isFree(lease)), this.#owner);
    const share = Math.ceil(tasks / owners);
    for (const lease of free) {
      if (this.#held.size >= share) break;
      this.#keep(await this.#options.table.take(lease, this.#owner));
    }
    if (free.length === 0 && this.#held.size < share) await this.#askForOne(loads);
    return owners;
  }

  /** Asks who has most, unless an answer is still awaited. */
  async #askForOne(loads: ReadonlyMap<string, readonly Lease[]>): Promise<void> {
    const { table, nowMs, leaseMs } = this.#options;
    const most = [...loads.values()].toSorted((a, b) => b.length - a.length)[0] ?? [];
    if (most.length <= this.#held.size + 1) return;
    const asked = [...loads.values()].flat().find(({ wantedBy }) => wantedBy === this.#owner);
    if (asked) {
      const sinceMs = this.#askedMs.get(asked.task) ?? nowMs();
      this.#askedMs.set(asked.task, sinceMs);
      if (nowMs() - sinceMs > PATIENCE * leaseMs) this.#keep(await table.take(asked, this.#owner));
      return;
    }
    const lease = rotated(most, this.#owner).find(({ wantedBy }) => wantedBy === undefined);
    if (!lease) return;
    this.#askedMs.set(lease.task, nowMs());
    await table.ask(lease, this.#owner);
  }
}

/** Begins where `owner` says: those who look at the same time had better not want the same. */
function rotated<T>(items: readonly T[], owner: string): readonly T[] {
  if (items.length === 0) return items;
  let hash = 0;
  for (const unit of owner) hash = Math.imul(hash, 31) + unit.codePointAt(0)! >>> 0;
  const start = hash % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
