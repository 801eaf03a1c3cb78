/** Sluice as people have it who did not clone it: loaded from a URL, as from JSR. */

import { assertEquals } from "@std/assert";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import denoJson from "../../deno.json" with { type: "json" };
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TYPES: Readonly<Record<string, string>> = { ".ts": "application/typescript", ".json": "application/json" };

/** Serves the sources as they are. */
function serveSources(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async ({ url }) => {
    const path = decodeURIComponent(new URL(url).pathname);
    const headers = { "content-type": TYPES[extname(path)] ?? "text/plain" };
    return await Deno.readFile(join(ROOT, path)).then(
      (body) => new Response(body, { headers }),
      () => new Response("there is no such file", { status: 404 }),
    );
  });
}

/** What JSR does when a package is published: imports by name become URLs. */
function configFor(origin: string): string {
  const imports = Object.entries(denoJson.imports).flatMap(([name, target]) => {
    const [, linked] = /^jsr:@std\/(\w+)@/.exec(target) ?? [];
    return linked === undefined ? [[name, target]] : exportsOf(`third_party/std_${linked}`, name, origin);
  });
  return JSON.stringify({ imports: Object.fromEntries(imports) });
}

function exportsOf(folder: string, name: string, origin: string): readonly (readonly string[])[] {
  const { exports } = JSON.parse(Deno.readTextFileSync(join(ROOT, folder, "deno.json"))) as {
    readonly exports: Readonly<Record<string, string>>;
  };
  return Object.entries(exports).map(([path, file]) => [join(name, path), `${origin}/${join(folder, file)}`]);
}

/** A cache of modules that is gone with `folder`; packages come from the one that is there. */
async function cacheIn(folder: TestFolder): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(stdout)) as { readonly denoDir: string };
  await Deno.mkdir(folder.at("cache"));
  await Deno.symlink(join(denoDir, "npm"), folder.at("cache/npm"));
  return folder.at("cache");
}

Deno.test("loaded from a URL, Sluice checks, runs and replays; once it has checked a processor, without a network", async () => {
  await using folder = new TestFolder();
  const server = serveSources();
  const { hostname, port } = server.addr;
  const origin = `http://${hostname}:${port}`;
  folder.write("remote.json", configFor(origin));
  folder.write("p.ts", scriptOf("context.emit({ value: value.n + 1 });"));
  folder.write("in.ndjson", '{"n":1}\n{"n":2}\n');
  const env = { DENO_DIR: await cacheIn(folder), SLUICE_CACHE: folder.at("bundles"), NO_COLOR: "1" };
  const sluice = async (...args: readonly string[]) => {
    const deno = [
      "run",
      "-A",
      "--unstable-worker-options",
      "--quiet",
      "--no-lock",
      "--no-check",
      "--config",
      "remote.json",
    ];
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...deno, `${origin}/cli/main.ts`, ...args],
      cwd: folder.path,
      env,
      stdout: "null",
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
  };
  const run = (name: string, processor: readonly string[], more: readonly string[] = []) =>
    sluice(
      "run",
      ...processor,
      "--from",
      "in.ndjson",
      "--to",
      `${name}.ndjson`,
      "--name",
      name,
      "--until-end",
      ...more,
    );
  await sluice("check", "p.ts");
  await run("filtered", ["filter", "--set", 'where={"n":2}']);
  assertEquals(folder.read("filtered.ndjson"), '{"n":2}\n');
  await sluice("replay", "filtered");
  await run("debugged", ["p.ts"]);
  await sluice("replay", "debugged", "--log", "value.n", "--at", "p.ts:5");
  await server.shutdown();
  await run("alone", ["p.ts"]);
  await run("apart", ["p.ts"], ["--isolation", "process"]);
  for (const name of ["alone", "apart"]) {
    assertEquals(folder.read(`${name}.ndjson`), "2\n3\n");
    await sluice("replay", name);
  }
});
