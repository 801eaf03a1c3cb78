/** Groups of keys: what `keys` finds by group is what it would find by looking at every key. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { KeyedState, type StateGroup } from "../../engine/state.ts";

const key = fc.constantFrom("a|1", "a|2", "a|x|y", "b|1", "|", "c", "ab|1");
const step = fc.oneof(
  fc.record({ act: fc.constant("set" as const), key, value: fc.oneof(fc.integer(), fc.constant([1])) }),
  fc.record({ act: fc.constant("delete" as const), key }),
  // Within its group, after somebody looked for it.
  fc.record({ act: fc.constant("set in group" as const), key: fc.constantFrom("a|1", "a|2", "b|1") }),
  fc.record({ act: fc.constantFrom("keep" as const, "rollback" as const, "take" as const, "restart" as const) }),
);

Deno.test("the keys of a group are those that begin with its name, through rollbacks and restores", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    let state = new KeyedState();
    let held = groupsOf(state);
    for (const each of steps) {
      if (each.act === "set") state.set(each.key, each.value);
      else if (each.act === "delete") state.delete(each.key);
      else if (each.act === "set in group") {
        state.get(each.key);
        held.get(each.key[0])!.set(each.key.slice(2), 7);
        assertEquals(state.get(each.key), 7);
      } else if (each.act === "keep") state.keep();
      else if (each.act === "rollback") state.rollback();
      else if (each.act === "take") takeChanges(state);
      else {
        state = restarted(state);
        held = groupsOf(state);
      }
      const names = new Set(state.keys().filter((found) => found.includes("|")).map((found) => found.split("|")[0]));
      assertEquals(state.groups(), [...names].sort());
      assertEquals(state.groups("a"), [...names].filter((name) => name.startsWith("a")).sort());
      for (const name of ["a", "b", "", "ab", "none"]) {
        const keys = state.keys().filter((found) => found.startsWith(`${name}|`));
        assertEquals(state.keys(`${name}|`), keys);
        assertEquals(state.group(name).keys().map((rest) => `${name}|${rest}`), keys);
        for (const whole of keys) assertEquals(held.get(name)!.get(whole.slice(name.length + 1)), state.get(whole));
      }
    }
  }));
});

/** Groups that are kept at hand, whatever becomes of their entries. */
function groupsOf(state: KeyedState): ReadonlyMap<string, StateGroup> {
  return new Map(["a", "b", "", "ab", "none"].map((name) => [name, state.group(name)]));
}

/** Changes are taken after a feed, when no record is under way. */
function takeChanges(state: KeyedState): void {
  state.keep();
  state.takeChanges();
}

function restarted(state: KeyedState): KeyedState {
  const restored = new KeyedState();
  restored.restore(state.copy({ entriesMax: 1000, isFirst: true }));
  return restored;
}
