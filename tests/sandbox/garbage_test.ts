/** What realms leave behind: with many tasks, each waits long for its next feed, and has to let go of the last one. */

import { assert } from "@std/assert";
import { fileURLToPath } from "node:url";

Deno.test("what a feed held is young garbage when it is done, however long its realm had waited for it", async () => {
  const args = ["run", "-A", "--quiet", "--v8-flags=--expose-gc", fileURLToPath(import.meta.resolve("./garbage.ts"))];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  const text = new TextDecoder();
  assert(stdout.length > 0, text.decode(stderr));
  const { held, left, fed } = JSON.parse(text.decode(stdout)) as Record<"held" | "left" | "fed", number>;
  assert(held < fed / 4, `${held} bytes of ${fed} are held when their feeds are done`);
  assert(left < fed / 4, `${left} bytes of ${fed} are taken for old`);
});
