/** `sluice init`: a starter project with a processor, its test and some records. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import readme from "./starter/README.md" with { type: "text" };
import orders from "./starter/orders.ndjson" with { type: "text" };
import perMinute from "./starter/per_minute.yaml" with { type: "text" };
import totals from "./starter/totals.ts" with { type: "text" };
import totalsSnapshot from "./starter/__snapshots__/totals_test.ts.snap" with { type: "text" };
import totalsTest from "./starter/totals_test.ts" with { type: "text" };
import denoJson from "../deno.json" with { type: "json" };
import { EXIT } from "./exit_code.ts";
import { printMessage } from "./output.ts";
import { UsageError } from "./usage_error.ts";

/** Runs the command; answers the exit code. */
export async function initCommand(folder: string): Promise<number> {
  const files: Readonly<Record<string, string>> = {
    "totals.ts": totals,
    "totals_test.ts": totalsTest,
    "__snapshots__/totals_test.ts.snap": totalsSnapshot,
    "orders.ndjson": orders,
    "per_minute.yaml": perMinute,
    "README.md": readme,
    "deno.json": `${JSON.stringify(config(), null, 2)}\n`,
  };
  await Deno.mkdir(join(folder, "__snapshots__"), { recursive: true });
  for (const name of Object.keys(files)) await refuseExisting(join(folder, name));
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(folder, name), text);
  printMessage(
    `Wrote ${Object.keys(files).join(", ")} to ${folder === "." ? "this folder" : folder}. Next:\n\n${
      readme.split("\n").slice(2).join("\n")
    }`,
  );
  return EXIT.ok;
}

async function refuseExisting(path: string): Promise<void> {
  try {
    await Deno.lstat(path);
  } catch {
    return;
  }
  throw new UsageError(`Cannot write ${path}: it exists; name another folder`);
}

/** A checkout is linked, so that the project uses the Sluice that made it; a published Sluice comes from JSR. */
function config(): object {
  const name = `jsr:@sluice/sluice@^${denoJson.version}`;
  const imports = {
    "@sluice/sluice": name,
    "@sluice/sluice/pipeline": `${name}/pipeline`,
    "@sluice/sluice/processor": `${name}/processor`,
    "@sluice/sluice/testing": `${name}/testing`,
  };
  // Sandboxes are workers without permissions.
  const config = { imports, unstable: ["worker-options"] };
  if (!import.meta.url.startsWith("file:")) return config;
  const root = fileURLToPath(new URL("..", import.meta.url));
  return {
    ...config,
    links: [root, `${root}third_party/std_assert`, `${root}third_party/std_path`],
  };
}
