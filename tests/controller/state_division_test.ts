/** What tasks kept is divided by the keys of the records that wrote it, and united without guessing. */

import { assertEquals, assertThrows } from "@std/assert";
import { divideState, type Estate, type Heirs, partsOf } from "../../controller/state_division.ts";
import { ownedStateMap } from "../../controller/state_map.ts";
import { StateNotMovable } from "../../controller/task_errors.ts";
import { withOwner } from "../../engine/owner.ts";

/** Keys up to m go to heir 0, up to y to heir 1, z nowhere. */
const TWO: Heirs = { count: 2, heirOf: (key) => key < "n" ? 0 : key < "z" ? 1 : undefined };
const ONE: Heirs = { count: 1, heirOf: () => undefined };

type Entries = Readonly<Record<string, string>>;

function estate(task: string, state: Entries, timers: Entries = {}): Estate {
  return { task, state: new Map(Object.entries(state)), timers: new Map(Object.entries(timers)) };
}

Deno.test("an entry goes where the key of its last record goes, which is its name unless it says otherwise", () => {
  const [low, high] = divideState([
    estate("0", { a: "1", q: "2", total: withOwner("3", "b") }, { "close q": withOwner("9", "q") }),
  ], TWO);
  assertEquals([...low.state], [["a", "1"], ["total", withOwner("3", "b")]]);
  assertEquals([...high.state], [["q", "2"]]);
  assertEquals([[...low.timers], [...high.timers]], [[], [["close q", withOwner("9", "q")]]]);
});

Deno.test("what no record wrote goes to every heir; of such timers the earlier one goes on", () => {
  const [low, high] = divideState([
    estate("0", { config: withOwner("1", null) }, { tick: withOwner("50", null) }),
    estate("1", { config: withOwner("1", null) }, { tick: withOwner("7", null) }),
  ], TWO);
  for (const heir of [low, high]) {
    assertEquals([...heir.state], [["config", withOwner("1", null)]]);
    assertEquals([...heir.timers], [["tick", withOwner("7", null)]]);
  }
});

Deno.test("one heir takes everything, whoever wrote it", () => {
  const [heir] = divideState([estate("0", { z: "1" }), estate("1", { total: withOwner("2", "z") })], ONE);
  assertEquals([...heir.state.keys()], ["z", "total"]);
});

Deno.test("two values for one name are not united, and what belongs nowhere is not dropped", () => {
  const totals = [estate("3", { total: withOwner("1", "a") }), estate("5", { total: withOwner("2", "b") })];
  const conflict = assertThrows(() => divideState(totals, ONE), StateNotMovable, "task 3 and 5");
  assertEquals([conflict.code, conflict.key], ["E_STATE_CONFLICT", "total"]);
  const homeless = assertThrows(() => divideState([estate("0", { z: "1" })], TWO), StateNotMovable, '"z" belongs');
  assertEquals(homeless.code, "E_STATE_HOMELESS");
});

Deno.test("parts of any size hold every entry once", () => {
  const { state, timers } = estate("0", { a: "1", b: "2", c: withOwner("3", "x") }, { t: "4", u: "5" });
  for (const entriesMax of [1, 2, 3, 100]) {
    assertEquals(ownedStateMap(partsOf({ state, timers }, entriesMax)), { state, timers });
  }
});
