/** What is published is whole, is what was meant, and works where it is installed. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { API_FOLDER, publicApi } from "../../tools/public_api.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const decoder = new TextDecoder();

Deno.test("the public API is the one in docs/api; `deno task api` writes it anew, for a change that is meant", async () => {
  for (const [name, text] of await publicApi()) {
    assertEquals(text, Deno.readTextFileSync(join(API_FOLDER, `${name}.txt`)));
  }
});

Deno.test("`deno publish` would publish the library and the command line, and nothing else", async () => {
  const args = ["publish", "--dry-run", "--allow-dirty", "--no-check"];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT, env: { NO_COLOR: "1" } })
    .output();
  const said = decoder.decode(stderr);
  assert(success, said);
  // A file of effects is the user's own, wherever it is.
  assertEquals([...said.matchAll(/^warning\[(.+)\]/gm)].map(([, name]) => name), ["unanalyzable-dynamic-import"]);
  const files = [...said.matchAll(/file:\S+?\/([^\s/]+\/\S+|\w+\.\w+) \(/g)].map(([line]) => line);
  assert(files.length > 200, said);
  assertEquals(files.filter((file) => /\/(tests|bench|tools|docs|\.ci)\//.test(file.slice(ROOT.length))), []);
});

Deno.test("`deno doc --html` makes the reference", async () => {
  await using folder = new TestFolder();
  const modules = [...(await publicApi()).keys()].map((name) => `${name}.ts`);
  const args = ["doc", "--html", "--name=Sluice", `--output=${folder.at("html")}`, ...modules];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  assert(success, decoder.decode(stderr));
  assertStringIncludes(folder.read("html/all_symbols.html"), "defineProcessor");
});

Deno.test("the package for npm: what processors import works on Node, and the command on the Deno beside it", async () => {
  await using folder = new TestFolder();
  const built = folder.at("node_modules/@sluice/sluice");
  const build = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", "tools/npm/build.ts", built], cwd: ROOT })
    .output();
  assert(build.success, decoder.decode(build.stderr) + decoder.decode(build.stdout));
  // Installed as npm would, with what is at hand.
  folder.write("node_modules/deno/package.json", '{ "name": "deno", "version": "2.9.6" }');
  folder.write(
    "node_modules/deno/bin.cjs",
    `process.exit(require("child_process").spawnSync(${
      JSON.stringify(Deno.execPath())
    }, process.argv.slice(2), { stdio: "inherit" }).status);`,
  );
  Deno.mkdirSync(folder.at("node_modules/@msgpack"));
  const msgpack = new URL("../", import.meta.resolve("@msgpack/msgpack"));
  Deno.symlinkSync(fileURLToPath(msgpack), folder.at("node_modules/@msgpack/msgpack"));
  folder.write(
    "use.mjs",
    `import { defineProcessor, json, msgpack } from "@sluice/sluice/processor";
import { pipeline } from "@sluice/sluice/pipeline";
const totals = defineProcessor({ name: "totals", input: json(), output: msgpack(), process() {} });
console.log(totals.name, typeof pipeline, msgpack().decode(msgpack().encode({ a: 1 })).a);`,
  );
  assertEquals(await node(folder, "use.mjs"), "totals function 1\n");
  folder.write("p.ts", scriptOf("context.emit({ value: value + 1 });"));
  folder.write("in.ndjson", "1\n2\n");
  const bin = "node_modules/@sluice/sluice/sluice.mjs";
  const run = ["run", "p.ts", "--from", "file:in.ndjson", "--to", "file:out.ndjson", "--until-end", "--quiet"];
  assertEquals(await node(folder, bin, ...run), "");
  assertEquals(folder.read("out.ndjson"), "2\n3\n");
});

async function node(folder: TestFolder, ...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("node", { args: [...args], cwd: folder.path }).output();
  assert(success, decoder.decode(stderr));
  return decoder.decode(stdout);
}
