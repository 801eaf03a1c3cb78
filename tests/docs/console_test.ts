/** Every command in the documents prints what stands behind it; `deno task docs` writes it anew, for a change that is meant. */

import { assert, assertEquals } from "@std/assert";
import { check, documents } from "../../tools/console_blocks.ts";

for (const path of documents()) {
  Deno.test(`the commands in ${path} print what it says`, async () => assertEquals(await check(path), []));
}

Deno.test("there are documents with commands", () => assert(documents().includes("README.md")));
