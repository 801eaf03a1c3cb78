/** The table of a state's entries: what it finds is what a `Map` would find, through anything that is added and removed. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { EntryTable, type Keyed } from "../../engine/entry_table.ts";

/** Keys of which many differ in their middle only, which is not looked at, or not at all. */
const key = fc.oneof(
  fc.nat(40).map(String),
  fc.nat(400).map((i) => `user-${i}`),
  fc.nat(400).map((i) => `${"head".repeat(5)}${i}${"tail".repeat(5)}`),
);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ act: fc.constant("add" as const), key }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant("delete" as const), key }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constantFrom("walk" as const, "step" as const), key: fc.constant("") }) },
);

/** A walk that is under way, and which of the entries that were there when it began it has to show. */
interface Walk {
  readonly rest: Iterator<Keyed>;
  readonly due: Set<Keyed>;
}

Deno.test("entries are found by equal keys, in the order in which they came, and walks miss none that stays", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 1500, size: "max" }), (steps) => {
      const table = new EntryTable<Keyed>();
      const expected = new Map<string, Keyed>();
      const walks: Walk[] = [];
      for (const { act, key } of steps) {
        const known = expected.get(key);
        assertEquals(table.get(key), known);
        if (act === "walk") {
          walks.push({ rest: table.values(), due: new Set(expected.values()) });
        } else if (act === "step") {
          for (const { rest, due } of walks) due.delete(rest.next().value as Keyed);
        } else if (act === "add" && known === undefined) {
          const entry = { rest: key };
          expected.set(key, entry);
          table.add(entry);
        } else if (act === "delete" && known !== undefined) {
          expected.delete(key);
          table.delete(known);
          for (const { due } of walks) due.delete(known);
        }
      }
      assertEquals([...table.values()], [...expected.values()]);
      for (const { rest, due } of walks) {
        for (let next = rest.next(); !next.done; next = rest.next()) due.delete(next.value);
        assertEquals(due.size, 0);
      }
    }),
    { numRuns: 100 },
  );
});

Deno.test("keys that are all hashed alike are found, each by itself, and removed", () => {
  const table = new EntryTable<Keyed>();
  const keys = Array.from(
    { length: 20_000 },
    (_, i) => `${"h".repeat(16)}${String(i).padStart(8, "0")}${"t".repeat(16)}`,
  );
  for (const rest of keys) {
    assertEquals(table.get(rest), undefined);
    table.add({ rest });
  }
  // In one chain it would be two hundred million comparisons.
  assert(keys.every((rest) => table.get(rest)?.rest === rest));
  for (const rest of keys) table.delete(table.get(rest)!);
  assertEquals([...table.values()], []);
  assertEquals(table.get(keys[0]), undefined);
});
