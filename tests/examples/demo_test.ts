/** The demo and the examples do what they say. */

import { assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runCli } from "../support/cli.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples", import.meta.url));

Deno.test("the demo is killed, goes on, is replayed, and names what changed code would have done", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", `${EXAMPLES}/demo.ts`],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assertEquals(code, 0, text);
  assertMatch(text, /300000 outputs, totals right: nothing lost, nothing doubled/);
  assertMatch(text, /every output, state change and effect equals the recording/);
  assertMatch(
    text,
    /DIVERGED orders\.ndjson\/0@\d+ .*\n {2}output\[0\]\.cents\n {4}recorded {2}9021\n {4}replayed {2}8118/,
  );
  assertMatch(text, /cause: code — the script differs/);
});

for (const { name } of [...Deno.readDirSync(EXAMPLES)].filter((entry) => /^\d\d_(?!.*_effects)/.test(entry.name))) {
  Deno.test(`example ${name} passes sluice check`, async () => {
    const { code, stderr } = await runCli(["check", `${EXAMPLES}/${name}`]);
    assertEquals(code, 0, stderr);
  });
}
