/** What every task store and every lease table must do. */

import { assertEquals, assertRejects } from "@std/assert";
import type { Lease, LeaseTable } from "../../adapters/lease_table.ts";
import { type TaskStore, TaskStoreError } from "../../adapters/task_store.ts";

/** Opens the store of a run that is new, as often as it is called. */
export type OpenStore = () => Promise<TaskStore>;

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

/** Runs the suite. `largeBytes` are more than what the store keeps in one piece. */
export function testTaskStore(name: string, create: () => Promise<OpenStore>, largeBytes: number): void {
  testOwners(name, create);
  testWhatIsKept(name, create, largeBytes);
}

function testOwners(name: string, create: () => Promise<OpenStore>): void {
  Deno.test(`${name}: a task goes on elsewhere with its base and the feeds behind it`, async () => {
    const open = await create();
    await using store = disposed(await open());
    const first = await store.acquire("0");
    assertEquals([first.seq, await first.load()], [undefined, undefined]);
    await first.rebase(-1, bytes("nothing"));
    for (const seq of [0, 1, 2]) await first.append(seq, bytes(`feed ${seq}`));
    await using other = disposed(await open());
    const second = await other.acquire("0");
    const stored = await second.load();
    // To look at it takes nothing from its owner.
    assertEquals((await store.peek("0"))!.feeds.map(text), ["feed 0", "feed 1", "feed 2"]);
    assertEquals(await store.peek("1"), undefined);
    assertEquals([stored!.seq, text(stored!.base), stored!.feeds.map(text)], [2, "nothing", [
      "feed 0",
      "feed 1",
      "feed 2",
    ]]);
    await second.rebase(2, bytes("state after 2"));
    await second.append(3, bytes("feed 3"));
    const third = await (await open()).acquire("0");
    const later = await third.load();
    assertEquals([later!.seq, text(later!.base), later!.feeds.map(text)], [3, "state after 2", ["feed 3"]]);
  });

  Deno.test(`${name}: an owner that was overtaken appends nothing, whatever it wrote already (M24)`, async () => {
    const open = await create();
    const zombie = await (await open()).acquire("0");
    await zombie.rebase(-1, bytes("nothing"));
    await zombie.append(0, bytes("zombie 0"));
    await zombie.verify();
    const owner = await (await open()).acquire("0");
    const refused = await assertRejects(() => zombie.append(1, bytes("zombie 1")), TaskStoreError, "another process");
    assertEquals([refused.code, refused.task], ["E_FENCED", "0"]);
    await assertRejects(() => zombie.rebase(0, bytes("zombie")), TaskStoreError, "another process");
    await assertRejects(() => zombie.verify(), TaskStoreError, "another process");
    await owner.append(1, bytes("owner 1"));
    await assertRejects(() => zombie.append(2, bytes("zombie 2")), TaskStoreError, "another process");
    const { feeds } = (await (await (await open()).acquire("0")).load())!;
    assertEquals(feeds.map(text), ["zombie 0", "owner 1"]);
  });

  Deno.test(`${name}: a feed follows the one before it, and none comes twice`, async () => {
    const hold = await (await (await create())()).acquire("0");
    await hold.rebase(-1, bytes("nothing"));
    await assertRejects(() => hold.append(1, bytes("a hole")), TaskStoreError);
    await hold.append(0, bytes("feed 0"));
    // The answer was lost: it is asked once more.
    await hold.append(0, bytes("feed 0"));
    assertEquals((await hold.load())!.feeds.length, 1);
  });
}

function testWhatIsKept(name: string, create: () => Promise<OpenStore>, largeBytes: number): void {
  Deno.test(`${name}: feeds and states of ${largeBytes} bytes are kept whole (M26)`, async () => {
    const open = await create();
    const large = crypto.getRandomValues(new Uint8Array(65_536));
    const whole = new Uint8Array(largeBytes).map((_, i) => large[i % large.length]);
    const hold = await (await open()).acquire("0");
    await hold.rebase(-1, whole);
    await hold.append(0, whole.subarray(1));
    const stored = (await (await (await open()).acquire("0")).load())!;
    assertEquals([stored.base.length, stored.feeds[0].length], [largeBytes, largeBytes - 1]);
    assertEquals([stored.base.at(-1), stored.feeds[0][0]], [whole.at(-1), whole[1]]);
  });

  Deno.test(`${name}: of two that change the plan one is first, and names may hold anything (M27)`, async () => {
    const open = await create();
    const [one, two] = [await open(), await open()];
    assertEquals(await one.plan(), undefined);
    assertEquals(await one.proposePlan(0, "first"), true);
    assertEquals(await two.proposePlan(0, "too late"), false);
    assertEquals(await two.plan(), { version: 1, text: "first" });
    assertEquals([await two.proposePlan(1, "second"), await one.proposePlan(1, "too late")], [true, false]);
    assertEquals((await one.plan())!.text, "second");
    const odd = `it's "odd"/é#\u{1f600}`;
    const hold = await one.acquire(odd);
    await hold.rebase(-1, bytes("x"));
    assertEquals((await (await two.acquire(odd)).load())!.seq, -1);
    await one.putCode("abc", "code".repeat(100_000));
    assertEquals([await two.code("abc"), await two.code("none")], ["code".repeat(100_000), undefined]);
  });
}

function disposed(store: TaskStore) {
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}

/** Runs the suite. */
export function testLeaseTable(name: string, create: () => Promise<LeaseTable>): void {
  const only = async (table: LeaseTable): Promise<Lease> => (await table.list())[0];

  Deno.test(`${name}: of those who take a lease that they have seen, one gets it`, async () => {
    const table = await create();
    await table.add("0");
    await table.add("0");
    const free = await only(table);
    assertEquals([free.task, free.owner], ["0", undefined]);
    const taken = await Promise.all(["a", "b", "c", "d"].map((owner) => table.take(free, owner)));
    assertEquals(taken.filter((lease) => lease !== undefined).length, 1);
    const now = await only(table);
    assertEquals(now, taken.find((lease) => lease !== undefined));
    await table.close();
  });

  Deno.test(`${name}: a renewal moves the counter; who was overtaken renews nothing`, async () => {
    const table = await create();
    await table.add("0");
    const first = (await table.take(await only(table), "a"))!;
    const renewed = (await table.take(first, "a"))!;
    assertEquals(renewed.counter > first.counter, true);
    const stolen = (await table.take(renewed, "b"))!;
    assertEquals(await table.take(renewed, "a"), undefined);
    assertEquals((await only(table)).owner, "b");
    await table.release(stolen);
    assertEquals((await only(table)).owner, undefined);
    await table.remove("0");
    assertEquals(await table.list(), []);
    await table.close();
  });

  Deno.test(`${name}: an owner learns that its lease is wanted, and hands it over; renewals do not forget that`, async () => {
    const table = await create();
    await table.add("0");
    const owned = (await table.take(await only(table), "a"))!;
    await table.ask(owned, "b");
    await table.take(owned, "a");
    const asked = await only(table);
    assertEquals([asked.owner, asked.wantedBy], ["a", "b"]);
    await table.release(asked, "b");
    const handed = await only(table);
    assertEquals([handed.owner, handed.wantedBy], ["b", undefined]);
    await table.close();
  });
}
