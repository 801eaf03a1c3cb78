/** `--set name=value`. */

import { assertEquals, assertThrows } from "@std/assert";
import { parseParameters } from "../../cli/processors.ts";
import { UsageError } from "../../cli/usage_error.ts";

Deno.test("parameters are JSON where they can be, and of one name the last counts", () => {
  const texts = ["n=1", "list=[1,2]", "name=ann", 'text="1"', "empty=", "n=2", "eq=a=b"];
  assertEquals(parseParameters(texts), { n: 2, list: [1, 2], name: "ann", text: "1", empty: "", eq: "a=b" });
  assertThrows(() => parseParameters(["n"]), UsageError, "Cannot use --set n: name=value is wanted");
});

Deno.test("parameters that are typed in another order are the same code", () => {
  assertEquals(JSON.stringify(parseParameters(["b=1", "a=2"])), JSON.stringify(parseParameters(["a=2", "b=1"])));
});
