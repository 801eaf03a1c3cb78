/**
 * Executables. The runtime that `deno compile` puts into them is downloaded, which tests cannot rely on: they build with
 * Deno's own program in its place (`DENORT_BIN`), look at what was embedded, and run exactly that, copied to a place where nothing
 * else is, as the executable would: same entry, same contents, no bundler.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ENTRIES, prepare } from "../../cli/compile.ts";
import { runCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TOTALS = scriptOf(
  "const n = (context.state.get<number>('n') ?? 0) + value; context.state.set('n', n); context.emit({ value: { n } });",
);
const PIPELINE = `name: large
from: file:in.ndjson
steps: [{ filter: "1 < 2" }]
to: file:large.ndjson
run: { until-end: true }
`;

/** A project, and what its executable would be. */
class Executable implements AsyncDisposable {
  readonly project = new TestFolder();
  readonly #image = new TestFolder();
  readonly #program = this.#image.at("app");

  static async of(targets: Readonly<Record<string, string>>): Promise<Executable> {
    const executable = new Executable();
    for (const [name, text] of Object.entries(targets)) executable.project.write(name, text);
    executable.project.write("in.ndjson", "1\n2\n3\n10\n");
    await executable.#embed(Object.keys(targets));
    return executable;
  }

  async #embed(targets: readonly string[]): Promise<void> {
    const cwd = Deno.cwd();
    Deno.chdir(this.project.path);
    await prepare(this.#image.path, "app", targets).finally(() => Deno.chdir(cwd));
    for (const file of await filesOf([this.#image.at("main.ts"), ...ENTRIES.map((entry) => join(ROOT, entry))])) {
      if (file.startsWith(ROOT)) this.#copy(file);
    }
    this.#copy(join(ROOT, "deno.json"));
    this.#copy(join(ROOT, "deno.lock"));
    // What the imports of deno.json go through, which the compiler resolves.
    for (const name of ["std_assert", "std_path"]) {
      for (const file of Deno.readDirSync(join(ROOT, "third_party", name))) {
        this.#copy(join(ROOT, "third_party", name, file.name));
      }
    }
    const main = this.#image.read("main.ts").replaceAll(
      pathToFileURL(ROOT).href,
      pathToFileURL(this.#image.at("sluice/")).href,
    );
    this.#image.write("main.ts", main);
    const flags = `--quiet --no-prompt --no-check --cached-only -A --config "${this.#image.at("sluice/deno.json")}"`;
    const start = `exec "${Deno.execPath()}" run ${flags} "${this.#image.at("main.ts")}" "$@"`;
    this.#image.write("app", `#!/bin/sh\nexport SLUICE_STAND_IN="${this.#program}"\n${start}\n`);
    Deno.chmodSync(this.#program, 0o755);
  }

  #copy(file: string): void {
    const to = join(this.#image.path, "sluice", file.slice(ROOT.length));
    Deno.mkdirSync(dirname(to), { recursive: true });
    Deno.copyFileSync(file, to);
  }

  async run(...args: readonly string[]) {
    const { code, stdout, stderr } = await new Deno.Command(this.#program, {
      args: [...args],
      cwd: this.project.path,
      env: { NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.project[Symbol.asyncDispose]();
    await this.#image[Symbol.asyncDispose]();
  }
}

/** The local files that modules are made of, as the compiler finds them. */
async function filesOf(entries: readonly string[]): Promise<ReadonlySet<string>> {
  const files = new Set<string>();
  for (const entry of entries) {
    const args = ["info", "--json", "--config", join(ROOT, "deno.json"), entry];
    const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: { local?: string }[] };
    for (const { local } of modules) if (local !== undefined) files.add(local);
  }
  return files;
}

Deno.test("an application of one processor runs it, in both isolation levels, and replays, and looks into it", async () => {
  await using app = await Executable.of({ "totals.ts": TOTALS });
  const streams = ["--from", "file:in.ndjson", "--until-end", "--quiet"];
  for (const isolation of ["worker", "process"]) {
    const name = ["--name", isolation, "--to", `file:${isolation}.ndjson`];
    const { code, stderr } = await app.run(...streams, ...name, "--isolation", isolation);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(app.project.read(`${isolation}.ndjson`), '{"n":1}\n{"n":3}\n{"n":6}\n{"n":16}\n');
  }
  const replayed = await app.run("replay", "process", "--json");
  assertEquals([replayed.code, JSON.parse(replayed.stdout).divergences], [0, []], replayed.stderr);
  assertMatch((await app.run("state", "worker", "--json")).stdout, /16/);
  assertMatch((await app.run("--help")).stdout, /Usage: app /);
});

Deno.test("pipeline files that were compiled in, and any other, run; so do ready-made processors", async () => {
  await using app = await Executable.of({ "totals.ts": TOTALS, "large.yaml": PIPELINE });
  Deno.removeSync(app.project.at("large.yaml"));
  Deno.removeSync(app.project.at("totals.ts"));
  const large = await app.run("run", "large.yaml", "--quiet");
  assertEquals([large.code, large.stderr], [0, ""]);
  assertEquals(app.project.read("large.ndjson").split("\n").length, 5);
  app.project.write(
    "other.yaml",
    PIPELINE.replace("name: large", "name: other").replaceAll("large.ndjson", "other.ndjson"),
  );
  const other = await app.run("run", "other.yaml", "--quiet");
  assertEquals([other.code, other.stderr], [0, ""]);
  const to = ["--from", "file:in.ndjson", "--to", "file:counts.ndjson", "--until-end", "--quiet"];
  const counted = await app.run("run", "count-by", "--set", "by=$", ...to);
  assertEquals([counted.code, counted.stderr], [0, ""]);
  const totals = await app.run(
    "run",
    "totals.ts",
    ...to.slice(0, 2),
    "--to",
    "file:t.ndjson",
    "--until-end",
    "--quiet",
  );
  assertEquals([totals.code, totals.stderr], [0, ""]);
});

Deno.test("what an executable cannot do it says in a sentence, with where it can be done", async () => {
  await using app = await Executable.of({ "totals.ts": TOTALS, "more.ts": TOTALS });
  app.project.write("new.ts", TOTALS);
  const said: readonly (readonly [args: readonly string[], says: string])[] = [
    [["run", "new.ts", "--from", "file:in.ndjson", "--to", "-"], "runs what it was compiled with: copy, filter"],
    [["check", "totals.ts"], "an executable has no Deno in it"],
    [["compile", "-o", "x"], "an executable has no Deno in it"],
  ];
  for (const [args, says] of said) {
    const { code, stderr } = await app.run(...args);
    assert(code !== 0);
    assertStringIncludes(stderr, says);
    assert(!stderr.includes("    at "), stderr);
  }
});

Deno.test("`sluice compile` embeds what is started by its name, and says what it made", async () => {
  await using folder = new TestFolder();
  folder.write("totals.ts", TOTALS);
  const env = { DENORT_BIN: Deno.execPath() };
  const { code, stdout, stderr } = await runCli(["compile", "totals.ts", "-o", "app", "--json"], {
    cwd: folder.path,
    env,
  });
  assertEquals(code, 0, stderr);
  const { bytes, processors, files } = JSON.parse(stdout) as { bytes: number; processors: string[]; files: string };
  assertEquals(processors, ["copy", "filter", "project", "count-by", "totals.ts"]);
  assertEquals(Deno.statSync(folder.at("app")).size, bytes);
  for (const file of ["sluice-compile", "controller", "cli", "engine"]) assertStringIncludes(files, file);
  // Folders whose files are all there are shown as one line.
  for (const file of ["worker.ts", "child.ts"]) assertMatch(files, new RegExp(`${file}|sandbox/\\*|controller/\\*`));
  const wrong = await runCli(["compile", "none.ts", "-o", "app"], { cwd: folder.path, env });
  assertEquals([wrong.code, /no such file/.test(wrong.stderr)], [1, true], wrong.stderr);
});
