/** What a disk can do to a journal: no room, no permission. A clear error, and nothing is lost. */

import { assertEquals, assertMatch } from "@std/assert";
import { runCli, shellCli } from "../support/cli.ts";
import { TestFolder } from "../support/processor_script.ts";

const RECORDS = Array.from({ length: 30_000 }, (_, i) => `${JSON.stringify({ i, kept: i % 1000 === 0 })}\n`).join("");
const ARGS = [
  "run",
  "filter",
  "--set",
  'where={"kept":true}',
  "--from",
  "in.ndjson",
  "--to",
  "out.ndjson",
  "--until-end",
];

// Root reads and writes whatever it likes; without this capability it is like anyone else.
const AS_ANYONE = Deno.uid() === 0
  ? "setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override,-dac_read_search"
  : "";

Deno.test("a journal that cannot grow stops the run with a sentence; with room it goes on and nothing is lost", async () => {
  await using expected = new TestFolder();
  await using folder = new TestFolder();
  const args = [...ARGS, "--feed-records", "200", "--quiet"];
  for (const each of [expected, folder]) each.write("in.ndjson", RECORDS);
  assertEquals((await runCli(args, { cwd: expected.path })).code, 0);
  // A file may have 300 KiB, so the write-ahead log meets the end of its disk.
  const limited = await shellCli("trap '' XFSZ; ulimit -f 300; exec", args, { cwd: folder.path });
  assertEquals(limited.code, 1, limited.stderr);
  assertMatch(limited.stderr, /^Cannot write to journal \.sluice\/journal\.db: the disk [^\n]*nothing is lost\n$/);
  const { code, stderr } = await runCli(args, { cwd: folder.path });
  assertEquals([code, stderr], [0, ""]);
  assertEquals(folder.read("out.ndjson"), expected.read("out.ndjson"));
  assertEquals((await runCli(["journal", "verify"], { cwd: folder.path })).code, 0);
});

Deno.test("a journal that may not be written is refused by a run, and can be listed, verified and replayed", async () => {
  await using folder = new TestFolder();
  folder.write("in.ndjson", RECORDS);
  assertEquals((await runCli([...ARGS, "--quiet"], { cwd: folder.path })).code, 0);
  for (const { name } of [...Deno.readDirSync(folder.at(".sluice"))]) {
    Deno.chmodSync(folder.at(`.sluice/${name}`), 0o444);
  }
  Deno.chmodSync(folder.at(".sluice"), 0o555);
  try {
    const refused = await shellCli(AS_ANYONE, [...ARGS, "--name", "other"], { cwd: folder.path });
    assertEquals([refused.code, refused.stderr], [
      1,
      "Cannot open journal .sluice/journal.db: it is read-only; make it writable or name another file with --journal\n",
    ]);
    for (
      const args of [["journal", "ls"], ["journal", "show", "filter"], ["journal", "verify"], ["replay", "filter"]]
    ) {
      const { code, stderr } = await shellCli(AS_ANYONE, args, { cwd: folder.path });
      assertEquals(code, 0, `${args}: ${stderr}`);
    }
  } finally {
    Deno.chmodSync(folder.at(".sluice"), 0o755);
  }
});
