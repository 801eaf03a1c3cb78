/** What a script's imports mean: the configuration beside it, in all the forms in which Deno takes one. */

import { assertEquals, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { loadEffects } from "../../cli/effects.ts";
import { UsageError } from "../../cli/usage_error.ts";
import { BundleError } from "../../controller/sandbox/bundle_error.ts";
import { bundleProcessor } from "../../controller/sandbox/bundle.ts";
import { SourcePositions } from "../../controller/sandbox/source_positions.ts";
import { batchOf, emitted, openCell, runFeed } from "../support/cells.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const SCRIPT = `import { name } from "dep";\n${scriptOf("context.emit({ value: name });")}`;

function folderWith(files: Readonly<Record<string, string>>): TestFolder {
  const folder = new TestFolder();
  for (const name of ["a", "b"]) folder.write(`${name}.ts`, `export const name = "${name}";`);
  for (const [name, content] of Object.entries(files)) folder.write(name, content);
  return folder;
}

async function given(path: string): Promise<unknown> {
  const { code } = await bundleProcessor(path);
  return emitted(runFeed(openCell(code), [batchOf([1])]))[0];
}

const FORMS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "deno.json": { "deno.json": '{ "imports": { "dep": "./a.ts" } }' },
  "deno.jsonc, with comments": { "deno.jsonc": '{\n  // mine\n  "imports": { "dep": "./a.ts" }, /* and */\n}' },
  "deno.json, with comments": { "deno.json": '{ "imports": { "dep": "./a.ts" } } // as Deno allows' },
  "deno.json, before deno.jsonc": {
    "deno.json": '{ "imports": { "dep": "./a.ts" } }',
    "deno.jsonc": '{ "imports": { "dep": "./b.ts" } }',
  },
  "an import map of its own": {
    "deno.json": '{ "importMap": "maps/imports.json" }',
    "maps/imports.json": '{ "imports": { "dep": "../a.ts" } }',
  },
  "the workspace around it": {
    "deno.json": '{ "workspace": ["./jobs"], "imports": { "dep": "./a.ts", "other": "./b.ts" } }',
    "jobs/deno.json": '{ "imports": { "other": "../a.ts" } }',
  },
  "the member of a workspace, before that": {
    "deno.json": '{ "workspace": ["./jobs"], "imports": { "dep": "./b.ts" } }',
    "jobs/deno.json": '{ "imports": { "dep": "../a.ts" } }',
  },
};

for (const [form, files] of Object.entries(FORMS)) {
  Deno.test(`imports are found in ${form}`, async () => {
    await using folder = folderWith(files);
    assertEquals(await given(folder.write("jobs/p.ts", SCRIPT)), "a");
  });
}

Deno.test("another import map is another bundle, although no file of the script has changed", async () => {
  await using folder = folderWith({ "deno.json": '{ "imports": { "dep": "./a.ts" } }' });
  const script = folder.write("p.ts", SCRIPT);
  const before = await bundleProcessor(script);
  assertEquals((await bundleProcessor(script)).hash, before.hash);
  folder.write("deno.json", '{ "imports": { "dep": "./b.ts" } }');
  assertNotEquals((await bundleProcessor(script)).hash, before.hash);
  assertEquals(await given(script), "b");
});

const WRONG: readonly (readonly [what: string, files: Readonly<Record<string, string>>, message: string])[] = [
  ["a configuration that is no JSON", { "deno.json": '{\n  "imports" {}\n}' }, "(ColonExpected in line 2)"],
  ["an import map that is missing", { "deno.json": '{ "importMap": "no.json" }' }, "the import map no.json"],
  ["an import that nothing maps", {}, 'or import "npm:dep"'],
];

for (const [what, files, message] of WRONG) {
  Deno.test(`${what} is told of, with what to do`, async () => {
    await using folder = folderWith(files);
    const error = await assertRejects(() => bundleProcessor(folder.write("p.ts", SCRIPT)), BundleError);
    assertStringIncludes(error.message, message);
  });
}

Deno.test("a file that is no script is told of as that, without words of the bundler's", async () => {
  await using folder = folderWith({});
  const error = await assertRejects(() => bundleProcessor(folder.write("orders.ndjson", "{}\n")), BundleError);
  assertStringIncludes(error.message, "it is no script; .ts or .js is wanted, or a pipeline file (.yaml)");
});

Deno.test("a script may lie where names have characters of any kind, also when its bundle comes from the cache", async () => {
  await using folder = new TestFolder();
  const place = "sp ace/#1 100%/é~ü/%20";
  folder.write(`${place}/li b.ts`, "export const twice = (n: number) => 2 * n;");
  const script = `import { twice } from "./li b.ts";\n${scriptOf("context.emit({ value: twice(value) });")}`;
  const path = folder.write(`${place}/p#1?.ts`, script);
  const first = await bundleProcessor(path);
  const sources = new SourcePositions(first.sourceMap).userFiles().map((file) => file.slice(folder.path.length + 1));
  assertEquals(sources.sort(), [`${place}/li b.ts`, `${place}/p#1?.ts`]);
  assertEquals(await bundleProcessor(path), first);
  assertEquals(emitted(runFeed(openCell(first.code), [batchOf([4])])), [8]);
});

Deno.test("handlers of effects may import by the names of the configuration beside them as well", async () => {
  await using folder = folderWith({ "deno.json": '{ "imports": { "dep": "./a.ts" } }' });
  const path = folder.write("jobs/effects.ts", 'import { name } from "dep";\nexport const ask = () => name;');
  const { ask } = await loadEffects(path);
  assertEquals(await ask({}), "a");
  const unknown = folder.write("unknown.ts", 'import x from "nobody-has-this";\nexport const ask = () => x;');
  await assertRejects(() => loadEffects(unknown), UsageError, 'Import "nobody-has-this" not a dependency');
});

Deno.test("another version of an npm package is another bundle, although npm gives its files the same size and time", async () => {
  await using folder = folderWith({ "package.json": '{ "dependencies": { "dep": "1" } }' });
  const long = new Date("1985-10-26T08:15:00Z");
  const install = (version: string) => {
    folder.write("node_modules/dep/package.json", `{ "name": "dep", "version": "${version}", "main": "dep.js" }`);
    const path = folder.write(`${version}.js`, `export const name = "${version}";`);
    Deno.utimeSync(path, long, long);
    Deno.renameSync(path, folder.at("node_modules/dep/dep.js"));
  };
  install("1.0.0");
  const script = folder.write("p.ts", SCRIPT);
  assertEquals(await given(script), "1.0.0");
  install("1.0.1");
  assertEquals(await given(script), "1.0.1");
});
