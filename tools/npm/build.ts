/**
 * `deno task npm`: the package for npm, in `dist/npm`. What processors import (`@sluice/sluice/processor`, `…/pipeline`) is
 * JavaScript with types, for editors and tests on Node; the command `sluice` runs on the Deno that npm installs beside it.
 */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import denoJson from "../../deno.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DENO_VERSION = "^2.9.6";
/** What people import on Node: it needs nothing of Deno. */
const MODULES = ["processor", "pipeline"] as const;
const TYPESCRIPT = "npm:typescript@6.0.3/lib/tsc.js";

const output = Deno.args[0] ?? join(ROOT, "dist/npm");
await Deno.remove(output, { recursive: true }).catch(() => {});
await copySources(join(output, "sluice"));
await emit(join(output, "lib"));
await Deno.copyFile(join(ROOT, "tools/npm/sluice.mjs"), join(output, "sluice.mjs"));
for (const file of ["README.md", "LICENSE"]) await Deno.copyFile(join(ROOT, file), join(output, file));
await Deno.writeTextFile(join(output, "package.json"), `${JSON.stringify(manifest(), null, 2)}\n`);
console.log(`Wrote ${output}; npm publish it from there`);

/** What is published, as JSR gets it. */
async function copySources(to: string): Promise<void> {
  for (const name of denoJson.publish.include) await copy(join(ROOT, name), join(to, name));
  await copy(join(ROOT, "deno.json"), join(to, "deno.json"));
}

async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) {
    await Deno.mkdir(dirname(to), { recursive: true });
    return await Deno.copyFile(from, to);
  }
  for await (const { name } of Deno.readDir(from)) await copy(join(from, name), join(to, name));
}

async function emit(folder: string): Promise<void> {
  const config = await Deno.makeTempFile({ suffix: ".json" });
  const compilerOptions = {
    target: "es2024",
    module: "esnext",
    moduleResolution: "bundler",
    lib: ["esnext", "dom", "dom.iterable"],
    strict: true,
    exactOptionalPropertyTypes: true,
    declaration: true,
    outDir: folder,
    rootDir: ROOT,
    rewriteRelativeImportExtensions: true,
    skipLibCheck: true,
    types: [],
    // Its types come with the package that is installed.
    paths: { "@msgpack/msgpack": [join(ROOT, "tools/npm/msgpack.d.ts")] },
  };
  const files = MODULES.map((name) => join(ROOT, `${name}.ts`));
  await Deno.writeTextFile(config, JSON.stringify({ compilerOptions, files }));
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", TYPESCRIPT, "-p", config],
    stdout: "piped",
    stderr: "inherit",
  }).output();
  await Deno.remove(config);
  if (!success) throw new Error(`Cannot build for npm:\n${new TextDecoder().decode(stdout)}`);
}

function manifest(): object {
  return {
    name: denoJson.name,
    version: denoJson.version,
    description: "A deterministic, replayable stream processor",
    license: denoJson.license,
    type: "module",
    bin: { sluice: "sluice.mjs" },
    exports: Object.fromEntries(
      MODULES.map((name) => [`./${name}`, { types: `./lib/${name}.d.ts`, default: `./lib/${name}.js` }]),
    ),
    files: ["lib", "sluice", "sluice.mjs"],
    dependencies: {
      "@msgpack/msgpack": denoJson.imports["@msgpack/msgpack"].replace("npm:@msgpack/msgpack@", ""),
      deno: DENO_VERSION,
    },
  };
}
