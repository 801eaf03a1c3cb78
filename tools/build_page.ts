/** Builds the page of `sluice ui` into `cli/ui/built/`: `deno task page`. A test checks that what is there is what this gives. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PAGE = fileURLToPath(new URL("../cli/ui/page/", import.meta.url));
const BUILT = fileURLToPath(new URL("../cli/ui/built/", import.meta.url));
const CONFIG = fileURLToPath(new URL("../deno.json", import.meta.url));

/** The built files: name → text. */
export async function buildPage(): Promise<Readonly<Record<string, string>>> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-page-" });
  try {
    const out = join(folder, "page.js");
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "bundle",
        "--quiet",
        "--platform",
        "browser",
        "--format",
        "iife",
        "--minify",
        "--config",
        CONFIG,
        "-o",
        out,
      ]
        .concat([join(PAGE, "main.ts")]),
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const plot = await Deno.readTextFile(fileURLToPath(import.meta.resolve("uplot/dist/uPlot.min.css")));
    return {
      "page.js": await Deno.readTextFile(out),
      "page.css": `${plot.trim()}\n${await Deno.readTextFile(join(PAGE, "page.css"))}`,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(await buildPage())) await Deno.writeTextFile(join(BUILT, name), text);
}
