/** What a state keeps in memory: its keys and values, not the texts that they were cut out of. */

import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";

Deno.test("keys, values and timers cut out of large texts do not keep the texts in memory", async () => {
  const program = fileURLToPath(new URL("./heap_of_state.ts", import.meta.url));
  const args = ["run", "--quiet", "--v8-flags=--expose-gc", program];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  const decoder = new TextDecoder();
  const [megabytes, keys] = decoder.decode(stdout).trim().split(" ").map(Number);
  assertEquals(keys, 601, decoder.decode(stderr));
  assert(megabytes < 50, `${megabytes} MB are held; the texts have 210`);
});
