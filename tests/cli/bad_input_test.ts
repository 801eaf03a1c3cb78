/** Bad input gets the right answer or a clear error, never a wrong answer. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { runCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const ECHO = scriptOf("context.emit({ value });");
const RUN = ["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson", "--until-end"];

async function runOver(input: string | Uint8Array, args: readonly string[] = []) {
  await using folder = new TestFolder();
  folder.write("p.ts", ECHO);
  folder.write("in.ndjson", input);
  const result = await runCli([...RUN, ...args], { cwd: folder.path });
  return { ...result, output: await Deno.readTextFile(folder.at("out.ndjson")).catch(() => undefined) };
}

const RIGHT: Readonly<Record<string, readonly [input: string | Uint8Array, output: string]>> = {
  "an empty file": ["", ""],
  "a last line without a line feed": ['{"a":1}\n{"a":2}', '{"a":1}\n{"a":2}\n'],
  "a byte order mark": ['\ufeff{"a":1}\n', '{"a":1}\n'],
  "CRLF line ends": ['{"a":1}\r\n{"a":2}\r\n', '{"a":1}\n{"a":2}\n'],
  "empty lines": ['\n\n{"a":1}\n\r\n\n{"a":2}\n', '{"a":1}\n{"a":2}\n'],
  "characters of every length": ['{"a":"é€😀"}\n{"b":"ü"}\n', '{"a":"é€😀"}\n{"b":"ü"}\n'],
  "metadata look-alikes (M20)": ['[1,2,3]\n"a\\nb"\nnull\n', '[1,2,3]\n"a\\nb"\nnull\n'],
};

for (const [name, [input, output]] of Object.entries(RIGHT)) {
  Deno.test(`${name} is read right`, async () => {
    const result = await runOver(input);
    assertEquals([result.code, result.output], [0, output], result.stderr);
  });
}

Deno.test("a line that is no JSON halts the run with its place, after what came before", async () => {
  const { code, stderr, output } = await runOver('{"a":1}\nnot json\n{"a":2}\n');
  assertEquals([code, output], [1, '{"a":1}\n']);
  assertMatch(stderr, /Cannot process in\.ndjson\/0@8 with test: DecodeError: Cannot decode the record as json/);
  for (const command of ["sluice replay test --failed", "--with", "--on-error dead-letter"]) {
    assertStringIncludes(stderr, command);
  }
});

Deno.test("invalid UTF-8 is a dead letter of its own and harms no neighbour", async () => {
  const bytes = Uint8Array.of(
    ...new TextEncoder().encode('"é"\n"'),
    0xff,
    0xfe,
    ...new TextEncoder().encode('"\n"ü"\n'),
  );
  const { code, output } = await runOver(bytes, ["--on-error", "dead-letter"]);
  assertEquals([code, output], [0, '"é"\n"ü"\n']);
});

Deno.test("a line of 20 MB is read right", async () => {
  const line = JSON.stringify("x".repeat(20_000_000)) + "\n";
  const { code, output, stderr } = await runOver(`"a"\n${line}"b"\n`);
  assertEquals(code, 0, stderr);
  assert(output === `"a"\n${line}"b"\n`);
});

Deno.test("a line above the limit stops the run and names the option", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", ECHO);
  folder.write("in.ndjson", JSON.stringify("x".repeat(3_000_000)) + "\n");
  const { code, stderr } = await runCli(
    ["run", "p.ts", "--from", "file:in.ndjson?recordBytesMax=2000000", "--to", "out.ndjson", "--until-end"],
    { cwd: folder.path },
  );
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /Cannot read in\.ndjson: the record at byte 0 is longer than 2000000 bytes; raise the limit with \?recordBytesMax=/,
  );
});

const USAGE: readonly (readonly [args: string, code: number, stderr: RegExp])[] = [
  ["run p.ts --from in.ndjson --to out --effects none.ts", 2, /Cannot load effects none\.ts: there is no such file/],
  ["run p.ts --from in.ndjson --to out --effects throws.ts", 2, /Cannot load effects throws\.ts: at load/],
  ["run p.ts --from in.ndjson --to out --effects nodefault.ts", 2, /its export a is no function, a handler is wanted/],
  [`run p.ts --from in.ndjson --to out --name ${"ü".repeat(34)}`, 2, /it has 204 characters as files are called/],
  ["run p.ts --from in.ndjson --to out --name=", 2, /Cannot use --name : it is empty/],
  ["run missing.ts --from in.ndjson --to o", 1, /Cannot load processor missing\.ts: there is no such file/],
  ["run p.ts --from missing.ndjson --to o --until-end", 1, /Cannot read missing\.ndjson: there is no such file/],
  ["run p.ts --from kafak:x --to o", 2, /kafak: is no scheme that Sluice knows/],
  ["run p.ts --from fil:x --to o", 2, /Did you mean file:\?/],
  ["run p.ts --fron in.ndjson --to o", 2, /Did you mean --from\?/],
  ["run p.ts --from file:in.ndjson?kye=a --to o", 2, /kye is unknown.*Did you mean key\?/],
  ["run p.ts --to o", 2, /--from is missing/],
  ["run p.ts --from in.ndjson", 2, /--to is missing/],
  ["run p.ts --from a=in.ndjson --to o", 2, /the processor's inputs are default/],
  ["run p.ts --from in.ndjson --to o --seed x", 2, /whole number/],
  ["run p.ts --from in.ndjson --to o --on-error explode", 2, /Allowed choices are halt, dead-letter, skip/],
  ["replay nothing", 2, /Cannot find run nothing in .*: it has no runs/],
  ["replay nothing --journal nowhere.db", 1, /Cannot open journal nowhere\.db: there is no such file/],
  ["rnu", 2, /Did you mean run\?/],
  ["run syntax.ts --from in.ndjson --to o", 1, /Cannot load processor syntax\.ts/],
  ["run node.ts --from in.ndjson --to o", 1, /it imports node:fs, which needs the host/],
  [
    "run remote.ts --from in.ndjson --to o",
    1,
    /it imports from .*example\.com.*; a processor cannot import remote URLs/,
  ],
  ["run nodefault.ts --from in.ndjson --to o", 1, /no default export/],
  ["run throws.ts --from in.ndjson --to o", 1, /Cannot load processor throws\.ts: Error: at load/],
  [
    "run endless.ts --from in.ndjson --to o",
    1,
    /Cannot load processor endless\.ts: its modules were still not .* 10 s/,
  ],
  ["run noname.ts --from in.ndjson --to o", 1, /Cannot use processor: it has no name/],
  ["run filter --from in.ndjson --to o", 2, /^Cannot use filter: --set where=… is missing or wrong/],
  ["run filter --set where=a --from in.ndjson --to o", 2, /^Cannot use condition "a": .*, such as \{"country":"DE"\}/],
  [
    "run project --set fields=a --from in.ndjson --to o",
    2,
    /^Cannot use mapping "a": .*, such as \{"id":"order\.id"\}/,
  ],
  ["put file:o --file missing.ndjson", 2, /Cannot read missing\.ndjson: there is no such file/],
];

Deno.test("mistakes on the command line are told in a sentence, with the nearest name and the right exit code", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", ECHO);
  folder.write("in.ndjson", "1\n");
  folder.write("syntax.ts", "export default {");
  folder.write("node.ts", `import { readFileSync } from "node:fs";\n${scriptOf("readFileSync('/etc/hosts');")}`);
  folder.write("remote.ts", `import x from "https://example.com/x.ts";\n${scriptOf("void x;")}`);
  folder.write("endless.ts", `while (true);\n${ECHO}`);
  folder.write("nodefault.ts", "export const a = 1;");
  folder.write("throws.ts", `throw new Error("at load");\n${ECHO}`);
  folder.write("noname.ts", ECHO.replace('name: "test",', ""));
  await Deno.mkdir(folder.at(".sluice"));
  (await SqliteJournal.open(folder.at(".sluice/journal.db"))).close();
  for (const [args, code, expected] of USAGE) {
    const result = await runCli(args.split(" "), { cwd: folder.path });
    assertEquals(result.code, code, `${args}: ${result.stderr}`);
    assertMatch(result.stderr, expected, args);
    assert(!/\n\s+at .*\/(?:cli|controller|engine)\//.test(result.stderr), `${args} shows a stack: ${result.stderr}`);
    assertEquals(result.stdout, "", args);
  }
});

Deno.test("a file that was truncated or rewritten under a checkpoint stops the run", async () => {
  for (const [change, expected] of [["", /truncated/], ['{"a":9}\n{"a":2}\n{"a":3}\n', /rewritten/]] as const) {
    await using folder = new TestFolder();
    folder.write("p.ts", ECHO);
    folder.write("in.ndjson", '{"a":1}\n{"a":2}\n');
    assertEquals((await runCli(RUN, { cwd: folder.path })).code, 0);
    folder.write("in.ndjson", change);
    const { code, stderr } = await runCli(RUN, { cwd: folder.path });
    assertEquals(code, 1);
    assertMatch(stderr, expected);
  }
});

Deno.test("a run goes on with what was appended to its file", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", ECHO);
  folder.write("in.ndjson", '{"a":1}\n');
  await runCli(RUN, { cwd: folder.path });
  folder.write("in.ndjson", '{"a":1}\n{"a":2}\n');
  const { code, stderr } = await runCli(RUN, { cwd: folder.path });
  assertEquals([code, folder.read("out.ndjson")], [0, '{"a":1}\n{"a":2}\n'], stderr);
});

Deno.test("an output file that is not the run's is never touched", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", ECHO);
  folder.write("in.ndjson", "1\n");
  folder.write("out.ndjson", "precious\n");
  for (let attempt = 0; attempt < 2; attempt++) {
    const { code, stderr } = await runCli(RUN, { cwd: folder.path });
    assertEquals(code, 1);
    assertMatch(stderr, /it exists and is not this run's/);
    assertEquals(folder.read("out.ndjson"), "precious\n");
  }
});

Deno.test("a full disk stops the run with a sentence and loses nothing", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", ECHO);
  folder.write("in.ndjson", '{"a":1}\n'.repeat(5000));
  const { code, stderr } = await runCli(["run", "p.ts", "--from", "in.ndjson", "--to", "/dev/full", "--until-end"], {
    cwd: folder.path,
  });
  assertEquals(code, 1);
  assertMatch(stderr, /Cannot write \/dev\/full: /);
});

Deno.test("a CSV with a header and a compressed file are read as records", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", ECHO);
  folder.write("in.csv", '\ufeffname,note\r\nann,"says ""hi"",\nand goes"\r\nbob,\r\n');
  const csv = await runCli(["run", "p.ts", "--from", "in.csv", "--to", "-", "--until-end"], { cwd: folder.path });
  assertEquals([csv.code, csv.stdout], [
    0,
    '{"name":"ann","note":"says \\"hi\\",\\nand goes"}\n{"name":"bob","note":""}\n',
  ], csv.stderr);
  const compressed = new Blob(['{"a":1}\n{"a":2}']).stream().pipeThrough(new CompressionStream("gzip"));
  folder.write("in.ndjson.gz", await new Response(compressed).bytes());
  const gz = await runCli(["run", "p.ts", "--from", "in.ndjson.gz", "--to", "-", "--until-end", "--name", "gz"], {
    cwd: folder.path,
  });
  assertEquals([gz.code, gz.stdout], [0, '{"a":1}\n{"a":2}\n'], gz.stderr);
  folder.write("broken.gz", "this is not compressed");
  const broken = await runCli(["run", "p.ts", "--from", "broken.gz", "--to", "-", "--until-end", "--name", "b"], {
    cwd: folder.path,
  });
  assertEquals(broken.code, 1);
  assertMatch(broken.stderr, /Cannot read broken\.gz: incorrect header check/);
});

Deno.test("secrets in URIs are refused without being repeated, and never reach the journal", async () => {
  await using folder = new TestFolder();
  folder.write("in.ndjson", '{"n":1}\n');
  const uris = [
    "kafka://ann:hunter2@127.0.0.1:1/orders",
    "redis://ann:hunter2@127.0.0.1:1/orders",
    "redis-hash://:hunter2@127.0.0.1:1/orders",
    "redis://127.0.0.1:1/orders?password=hunter2",
    "kafka://127.0.0.1:1/orders?start=earliest&sasl.password=hunter2",
    "file:in.ndjson?apiToken=hunter2",
  ];
  for (const uri of uris) {
    for (const args of [["--from", uri, "--to", "o.ndjson"], ["--from", "in.ndjson", "--to", uri]]) {
      const { code, stdout, stderr } = await runCli(["run", "copy", ...args, "--until-end"], { cwd: folder.path });
      assertEquals([code, `${stdout}${stderr}`.includes("hunter2")], [2, false], stderr);
      assertStringIncludes(stderr, "everyone on this machine sees");
    }
  }
  const files = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
  assertEquals(files.includes("o.ndjson"), false);
});

Deno.test("a script whose modules throw is told of with the place in the user's own files", async () => {
  await using folder = new TestFolder();
  folder.write("lib.ts", "export function load(x: { y?: { z: number } }): number {\n  return x.y!.z;\n}\n");
  folder.write("p.ts", `import { load } from "./lib.ts";\nload({});\n${ECHO}`);
  const { code, stderr } = await runCli(RUN, { cwd: folder.path });
  assertEquals(code, 1);
  assertMatch(stderr, /^Cannot load processor p\.ts: TypeError: .*reading 'z'/);
  assertMatch(stderr, /\n {4}at load \(\S*\/lib\.ts:2:15\)\n {4}at \S+ \(\S*\/p\.ts:2:1\)\n$/);
});
