/** Makes the pictures in docs/images/: `deno task screenshots`. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCli } from "../tests/support/cli.ts";
import { TestFolder } from "../tests/support/processor_script.ts";
import { openBrowser, serveUi } from "../tests/support/ui.ts";

const IMAGES = fileURLToPath(new URL("../docs/images/", import.meta.url));
const STARTER = new URL("../cli/starter/totals.ts", import.meta.url);
const SHOTS = [
  ["records", "#/totals/0/42/records", "light"],
  ["state", "#/totals/0/42/state", "dark"],
  ["halted", "#/invoices/0/4/records", "light"],
] as const;

await using folder = new TestFolder();
const source = await Deno.readTextFile(STARTER);
folder.write("totals.ts", source);
folder.write(
  "invoices.ts",
  source.replace('"totals"', '"invoices"').replace(
    "emit({",
    'if (cents > 90_000) throw new RangeError("over the limit");\n    emit({',
  ),
);
const lines = Array.from(
  { length: 20_000 },
  (_, i) => `${JSON.stringify({ id: `order-${i}`, customer: `customer-${i * 7919 % 50}`, cents: i * 31 % 10_000 })}\n`,
);
folder.write("orders.ndjson", lines.join(""));
const common = ["--from", "orders.ndjson", "--until-end", "--feed-records", "200"];
await runCli(["run", "totals.ts", "--to", "totals.ndjson", ...common], { cwd: folder.path });
await runCli(["run", "invoices.ts", "--to", "invoices.ndjson", ...common], { cwd: folder.path });
await using ui = await serveUi(folder.path);
const browser = await openBrowser();
await Deno.mkdir(IMAGES, { recursive: true });
for (const [name, hash, colorScheme] of SHOTS) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 800 }, colorScheme });
  const page = await context.newPage();
  await page.goto(`${ui.url}/${hash}`);
  await page.waitForLoadState("networkidle");
  await page.screenshot({ path: join(IMAGES, `${name}.png`) });
  await context.close();
}
await browser.close();
