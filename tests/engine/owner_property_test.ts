/** Whose an entry is survives whatever a task's state goes through: rollbacks, changes, copies, rebirths. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { KeyedState } from "../../engine/state.ts";

const KEYS = ["a", "b", "c"];

interface Step {
  readonly owner: string | null;
  readonly key: string;
  readonly deletes: boolean;
  readonly fails: boolean;
  readonly moves: "changes" | "copy" | "no";
}

const step: fc.Arbitrary<Step> = fc.record({
  owner: fc.constantFrom(...KEYS, null, "line\nfeed"),
  key: fc.constantFrom(...KEYS),
  deletes: fc.boolean(),
  fails: fc.boolean(),
  moves: fc.constantFrom("changes", "copy", "no"),
});

Deno.test("an entry belongs to the key of the record that wrote it last and was kept", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
    let owner: string | null = null;
    const noting = (): KeyedState => {
      const state = new KeyedState();
      state.noteOwners(() => owner);
      return state;
    };
    let state = noting();
    // What was journaled: all changes, in order.
    const changes = [state.takeChanges()];
    const wanted = new Map<string, string | null>();
    for (const { owner: writes, key, deletes, fails, moves } of steps) {
      owner = writes;
      if (deletes) state.delete(key);
      else state.set(key, { by: writes });
      if (fails) state.rollback();
      else state.keep();
      if (!fails && deletes) wanted.delete(key);
      if (!fails && !deletes) wanted.set(key, writes);
      changes.push(state.takeChanges());
      if (moves === "no") continue;
      const moved = noting();
      const parts = moves === "copy" ? [state.copy({ entriesMax: 10, isFirst: true })] : changes;
      for (const part of parts) moved.restore(part);
      state = moved;
    }
    assertEquals(new Map(state.keys().map((key) => [key, state.ownerOf(key)])), wanted);
    for (const key of state.keys()) assertEquals(state.get(key), { by: wanted.get(key)! });
  }));
});
