/** Syncs that are shared keep the order of those who wait for them. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Database } from "../../controller/journal/database.ts";
import { LogSync } from "../../controller/journal/log_sync.ts";

/** Microtasks that pass while a sync's end becomes known to everyone. */
const TURNS = 12;

Deno.test("whoever asked first is told first, also by a sync that ends in the moment in which others ask", async () => {
  for (let moment = 0; moment < TURNS; moment++) {
    const syncs: PromiseWithResolvers<void>[] = [];
    const log = new LogSync(() => {
      const sync = Promise.withResolvers<void>();
      syncs.push(sync);
      return sync.promise;
    });
    const told: string[] = [];
    const ask = (who: string) => log.sync().then(() => void told.push(who));
    const waiting = [ask("first"), ask("second")];
    syncs[0].resolve();
    for (let turn = 0; turn < moment; turn++) await Promise.resolve();
    waiting.push(ask("third"));
    // The last that was begun ends first.
    for (let turn = 0; turn < TURNS; turn++) {
      syncs.findLast(() => true)!.resolve();
      await Promise.resolve();
    }
    for (const sync of syncs) sync.resolve();
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (const sync of syncs) sync.resolve();
    await Promise.all(waiting);
    assertEquals(told, ["first", "second", "third"], `asked ${moment} microtasks after the end`);
  }
});

Deno.test("those who ask while a sync is under way share the next: it begins after they wrote", async () => {
  let begun = 0;
  const ended = Promise.withResolvers<void>();
  const log = new LogSync(() => {
    begun++;
    return begun === 1 ? ended.promise : Promise.resolve();
  });
  const waiting = Array.from({ length: 10 }, () => log.sync());
  assertEquals(begun, 1);
  ended.resolve();
  await Promise.all(waiting);
  assertEquals(begun, 2);
});

Deno.test("a sync that failed is the last: what it did not write, a later one could pass over", async () => {
  let attempts = 0;
  const log = new LogSync(() => {
    attempts++;
    return Promise.reject(new Error("no space"));
  });
  await assertRejects(() => log.sync(), Error, "no space");
  await assertRejects(() => log.sync(), Error, "no space");
  assertEquals(attempts, 1);
});

Deno.test("what cannot be written is told at once, so that nothing is written behind it; what was is durable", async () => {
  const folder = await Deno.makeTempDir();
  const database = new Database(`${folder}/journal.db`);
  assertThrows(() => void database.durably(() => database.run("INSERT INTO nothing VALUES (1)")), Error);
  await database.durably(() => {});
  database.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("what is written unsynced is seen by others at once, and the next transaction syncs again", async () => {
  const folder = await Deno.makeTempDir();
  const database = new Database(`${folder}/journal.db`);
  const other = new Database(`${folder}/journal.db`);
  const modes = [database.pragma("synchronous")];
  database.unsynced(() => {
    modes.push(database.pragma("synchronous"));
    database.run("CREATE TABLE written (n INTEGER)");
  });
  modes.push(database.pragma("synchronous"));
  assertEquals(modes, [["2"], ["1"], ["2"]]);
  assertEquals(other.number("SELECT count(*) FROM written"), 0);
  for (const each of [database, other]) each.close();
  await Deno.remove(folder, { recursive: true });
});
