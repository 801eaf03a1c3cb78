/** Leases through crashes, pauses and clocks of their own: every task has an owner again in bounded time, and a fair one. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Lease, LeaseTable } from "../../adapters/lease_table.ts";
import { LeaseKeeper } from "../../controller/roaming/lease_keeper.ts";

const LEASE_MS = 900;
const ROUND_MS = 300;

/** A table in memory, for clocks that are simulated; the real ones are in tests/conformance. */
class MemoryLeaseTable implements LeaseTable {
  readonly leases = new Map<string, Lease>();

  list(): Promise<readonly Lease[]> {
    return Promise.resolve([...this.leases.values()]);
  }

  add(task: string): Promise<void> {
    if (!this.leases.has(task)) this.leases.set(task, { task, owner: undefined, counter: 0, wantedBy: undefined });
    return Promise.resolve();
  }

  take(lease: Lease, owner: string): Promise<Lease | undefined> {
    const now = this.leases.get(lease.task);
    if (now?.counter !== lease.counter) return Promise.resolve(undefined);
    const wantedBy = now.owner === owner ? now.wantedBy : undefined;
    const taken = { ...now, owner, counter: now.counter + 1, wantedBy };
    this.leases.set(lease.task, taken);
    return Promise.resolve(taken);
  }

  release(lease: Lease, next?: string): Promise<void> {
    const now = this.leases.get(lease.task);
    if (now?.counter === lease.counter) {
      this.leases.set(lease.task, { ...now, owner: next, counter: now.counter + 1, wantedBy: undefined });
    }
    return Promise.resolve();
  }

  ask(lease: Lease, owner: string): Promise<void> {
    const now = this.leases.get(lease.task);
    if (now?.owner === lease.owner) this.leases.set(lease.task, { ...now!, wantedBy: owner });
    return Promise.resolve();
  }

  remove(task: string): Promise<void> {
    this.leases.delete(task);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class Process {
  readonly keeper: LeaseKeeper;
  held: ReadonlySet<string> = new Set();
  isAlive = true;
  /** It does not answer requests for its leases. */
  isStubborn = false;

  constructor(table: LeaseTable, owner: string, nowMs: () => number) {
    this.keeper = new LeaseKeeper({ table, owner, leaseMs: LEASE_MS, nowMs });
  }

  async round(tasks: readonly string[]): Promise<void> {
    const { held, wanted } = await this.keeper.round(tasks);
    this.held = held;
    for (const task of this.isStubborn ? [] : wanted) {
      await this.keeper.release(task);
      this.held = new Set([...this.held].filter((each) => each !== task));
    }
  }
}

const tasksOf = (count: number) => Array.from({ length: count }, (_, i) => String(i));

Deno.test("whoever dies and comes, every task has one living owner again in bounded time, and shares are fair", async () => {
  const change = fc.record({ kind: fc.constantFrom("kill", "start", "wait"), at: fc.nat(10) });
  const run = async (count: number, changes: readonly { readonly kind: string; readonly at: number }[]) => {
    let nowMs = 0;
    const table = new MemoryLeaseTable();
    const tasks = tasksOf(count);
    const processes: Process[] = [];
    // Clocks that have nothing to do with each other.
    const start = () => {
      const skewMs = processes.length * 1_000_000;
      processes.push(new Process(table, `p${processes.length}`, () => nowMs + skewMs));
    };
    const rounds = async (number: number) => {
      for (let round = 0; round < number; round++) {
        nowMs += ROUND_MS;
        for (const process of processes) if (process.isAlive) await process.round(tasks);
      }
    };
    start();
    for (const { kind, at } of changes) {
      const living = processes.filter(({ isAlive }) => isAlive);
      if (kind === "start" && living.length < 5) start();
      if (kind === "kill" && living.length > 1) living[at % living.length].isAlive = false;
      await rounds(1);
    }
    // A dead owner's leases expire, are taken, and are then shared out one by one.
    await rounds(Math.ceil(LEASE_MS / ROUND_MS) + 3 + 3 * count);
    const living = processes.filter(({ isAlive }) => isAlive);
    const owned = living.flatMap(({ held }) => [...held]).sort();
    assertEquals(owned, tasks.toSorted());
    const shares = living.map(({ held }) => held.size);
    assert(Math.max(...shares) - Math.min(...shares) <= 1, `shares ${shares}`);
  };
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 8 }), fc.array(change, { maxLength: 12 }), run), {
    numRuns: 500,
  });
});

Deno.test("an owner that does not hand over what it was asked for loses it", async () => {
  let nowMs = 0;
  const table = new MemoryLeaseTable();
  const [one, two] = ["one", "two"].map((owner) => new Process(table, owner, () => nowMs));
  one.isStubborn = true;
  const tasks = tasksOf(2);
  await one.round(tasks);
  assertEquals(one.held.size, 2);
  for (let round = 0; round < 20; round++) {
    nowMs += ROUND_MS;
    await two.round(tasks);
    await one.round(tasks);
  }
  assertEquals([one.held.size, two.held.size], [1, 1]);
});

Deno.test("a process that was paused learns in its next round what it has lost, and is late until then", async () => {
  let nowMs = 0;
  const table = new MemoryLeaseTable();
  const [paused, other] = ["paused", "other"].map((owner) => new Process(table, owner, () => nowMs));
  const tasks = tasksOf(3);
  await paused.round(tasks);
  for (let round = 0; round < 6; round++) {
    nowMs += ROUND_MS;
    await other.round(tasks);
  }
  assertEquals([other.held.size, paused.keeper.isLate], [3, true]);
  await paused.round(tasks);
  assertEquals([paused.held.size, paused.keeper.isLate], [0, false]);
});
