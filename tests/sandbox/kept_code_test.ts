/** V8 compiles the engine for each realm: code that is thrown away and compiled again costs each of them. */

import { assert } from "@std/assert";
import { fileURLToPath } from "node:url";

/** What runs for every record, and knows of feeds and of columns that grow; by the names in the engine. */
const PER_RECORD = ["#step", "#pass", "#conclude", "endUnit"];
/** Of eight: when V8 compiles is partly chance. */
const REALMS_MAX = 3;

Deno.test("nothing that runs for every record is compiled anew after the first feed of a realm", async () => {
  const program = fileURLToPath(import.meta.resolve("./kept_code.ts"));
  // A collection of the whole heap would come at a moment that depends on everything else, and throw away code as well.
  const args = ["run", "-A", "--quiet", "--v8-flags=--trace-deopt,--initial-old-space-size=512", program];
  const { stdout, success } = await new Deno.Command(Deno.execPath(), { args }).output();
  const lines = new TextDecoder().decode(stdout).split("\n");
  assert(success && lines.some((line) => line.includes("deoptimiz")), "V8 tells of no code that it throws away");
  for (const name of PER_RECORD) {
    const thrown = lines.filter((line) => {
      return line.includes(`<JSFunction ${name} (`) || line.includes(`<SharedFunctionInfo ${name}>`);
    });
    assert(thrown.length <= REALMS_MAX, `${name} is compiled again in ${thrown.length} realms:\n${thrown[0]}`);
  }
});
