/** Flags win over the environment, the environment over sluice.yaml, that over defaults; mistakes are named. */

import { assertEquals, assertMatch } from "@std/assert";
import { runCli } from "../support/cli.ts";
import { TestFolder } from "../support/processor_script.ts";

function prepare(settings: string): TestFolder {
  const folder = new TestFolder();
  folder.write("in.ndjson", '{"by":"a"}\n{"by":"b"}\n{"by":"a"}\n');
  folder.write("sluice.yaml", settings);
  return folder;
}

const SETTINGS = `
from: in.ndjson
to: file.ndjson
until-end: true
quiet: true
name: file
journal: file.db
set: { by: by }
`;

Deno.test("a flag wins over the environment, the environment over sluice.yaml", async () => {
  for (
    const [args, env, name, output] of [
      [[], {}, "file", "file.ndjson"],
      [[], { SLUICE_NAME: "env", SLUICE_TO: "env.ndjson" }, "env", "env.ndjson"],
      [
        ["--name", "flag", "--to", "flag.ndjson"],
        { SLUICE_NAME: "env", SLUICE_TO: "env.ndjson" },
        "flag",
        "flag.ndjson",
      ],
    ] as const
  ) {
    await using folder = prepare(SETTINGS);
    const { code, stderr } = await runCli(["run", "count-by", ...args], { cwd: folder.path, env });
    assertEquals([code, stderr], [0, ""], name);
    assertEquals(folder.read(output).split("\n").length, 4);
    const { stdout } = await runCli(["journal", "ls"], { cwd: folder.path, env });
    assertMatch(stdout, new RegExp(`^${name}\tcount-by\t`));
  }
});

Deno.test("a flag's variable can be off, and the numbers of a file or variable are checked like typed ones", async () => {
  await using folder = prepare(SETTINGS.replace("quiet: true", ""));
  const quiet = await runCli(["run", "count-by"], { cwd: folder.path, env: { SLUICE_QUIET: "0" } });
  assertMatch(quiet.stderr, /^file: 3 records/);
  const wrong = await runCli(["run", "count-by"], { cwd: folder.path, env: { SLUICE_FEED_RECORDS: "many" } });
  assertEquals(wrong.code, 2);
  assertEquals(wrong.stderr, `Cannot use SLUICE_FEED_RECORDS: it is "many". A number above 0 is wanted.\n`);
});

const MISTAKES: readonly (readonly [settings: string, stderr: RegExp])[] = [
  ["feed-record: 5", /^Cannot use sluice\.yaml: no option is called feed-record\. Did you mean feed-records\?\n$/],
  ["feed-records: many", /^Cannot use feed-records in sluice\.yaml: it is "many"\. A number above 0 is wanted\.\n$/],
  [
    "isolation: cloud",
    /^Cannot use isolation in sluice\.yaml: it is "cloud"\. Allowed choices are worker, process\.\n$/,
  ],
  ["until-end: maybe", /^Cannot use until-end in sluice\.yaml: it is "maybe", true or false is wanted\n$/],
  ["a: [", /^Cannot read sluice\.yaml: it is not YAML/],
  ["- a", /^Cannot read sluice\.yaml: option: value is wanted on every line\n$/],
];

for (const [settings, stderr] of MISTAKES) {
  Deno.test(`sluice.yaml with ${JSON.stringify(settings)} is a usage error that says what is wrong`, async () => {
    await using folder = prepare(settings);
    const result = await runCli(["run", "copy", "--from", "in.ndjson", "--to", "-"], { cwd: folder.path });
    assertEquals(result.code, 2, result.stderr);
    assertMatch(result.stderr, stderr);
  });
}

Deno.test("a replay takes no --to from settings: it never writes where the run does", async () => {
  await using folder = prepare(SETTINGS);
  assertEquals((await runCli(["run", "count-by"], { cwd: folder.path })).code, 0);
  const env = { SLUICE_TO: "again.ndjson" };
  const { code, stderr } = await runCli(["replay", "file"], { cwd: folder.path, env });
  assertEquals(code, 0, stderr);
  assertEquals([...Deno.readDirSync(folder.path)].some(({ name }) => name === "again.ndjson"), false);
});
