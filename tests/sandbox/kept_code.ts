/** Feeds some realms that are alike. Run with `--v8-flags=--trace-deopt`, by `kept_code_test.ts`. */

import { batchOf, codeOf, openCell, runFeed } from "../support/cells.ts";
import { scriptOf } from "../support/processor_script.ts";

const CELLS = 8;
const RECORDS = 5000;

const code = await codeOf(scriptOf("context.emit({ value });"));
const cells = Array.from({ length: CELLS }, () => openCell(code));
for (let seq = 0; seq < 3; seq++) {
  for (const cell of cells) {
    runFeed(cell, [batchOf(Array.from({ length: RECORDS }, (_, i) => `"record ${i} of feed ${seq}"`))], { seq });
  }
}
