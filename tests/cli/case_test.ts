/** Case files: what was recorded goes into one file, replays anywhere, and does no harm wherever it comes from. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { checksum } from "../../controller/journal/database.ts";
import { runCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const BODY = `
  const sum = (context.state.get<number>(value.who) ?? 0) + value.n;
  context.state.set(value.who, sum);
  if (value.n === 9) context.timers.set("t:" + value.who, context.now + 5);
  context.emit({ key: value.who, value: { who: value.who, sum, at: context.now, id: context.uuid() } });`;

async function recorded(body = BODY, args: readonly string[] = []): Promise<TestFolder> {
  const folder = new TestFolder();
  folder.write("p.ts", scriptOf(body));
  const people = ["ann", "bob", "cy"];
  const lines = Array.from(
    { length: 20 },
    (_, n) => `{"n":${n},"who":"${people[n % 3]}","phone":${4400000 + n % 3}}\n`,
  );
  folder.write("in.ndjson", lines.join(""));
  const run = ["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson", "--until-end", "--feed-records", "4"];
  const { stderr } = await runCli([...run, ...args], { cwd: folder.path });
  assert(!stderr.includes("Cannot use"), stderr);
  return folder;
}

Deno.test("a case replays without journal and inputs, from its own first feed, with state, timers and uuids", async () => {
  await using folder = await recorded();
  const exported = await runCli(["export", "test", "--feeds", "3..5", "-o", "c.sluice", "--json"], {
    cwd: folder.path,
  });
  assertEquals(exported.code, 0, exported.stderr);
  const { from, to, records, diverged } = JSON.parse(exported.stdout);
  assertEquals([from, to, records, diverged], [3, 5, 8, []]);
  await using elsewhere = new TestFolder();
  elsewhere.write("c.sluice", Deno.readFileSync(folder.at("c.sluice")));
  const replayed = await runCli(["replay", "c.sluice", "--json"], { cwd: elsewhere.path });
  const report = JSON.parse(replayed.stdout);
  assertEquals([replayed.code, report.feeds, report.records, report.divergences], [0, 2, 8, []]);
  const offset = folder.read("in.ndjson").split("\n").slice(0, 17).join("\n").length + 1;
  for (const args of [["--at", "3"], ["--at", `in.ndjson/0@${offset}`]]) {
    const here = await runCli(["state", "test", ...args], { cwd: folder.path });
    assertEquals((await runCli(["state", "c.sluice", ...args], { cwd: elsewhere.path })).stdout, here.stdout);
    assertEquals(here.code, 0, here.stderr);
  }
  const verified = await runCli(["journal", "verify", "--journal", "c.sluice"], { cwd: elsewhere.path });
  assertEquals(verified.code, 0, verified.stderr);
});

Deno.test("a case may begin with any feed, the second and the first as well", async () => {
  await using folder = await recorded();
  for (const [from, to] of [[0, 1], [1, 2], [2, 5], [4, 5]]) {
    const name = `c${from}.sluice`;
    const exported = await runCli(["export", "test", "--feeds", `${from}..${to}`, "-o", name], { cwd: folder.path });
    assertEquals(exported.code, 0, exported.stderr);
    const { code, stdout, stderr } = await runCli(["replay", name, "--json"], { cwd: folder.path });
    assertEquals([code, JSON.parse(stdout).feeds], [0, to - from], stderr);
  }
});

Deno.test("a case begins at the birth of the realm when modules keep something in variables", async () => {
  await using folder = await recorded("moduleCounter++; context.emit({ value: moduleCounter });");
  const { stdout, stderr } = await runCli(["export", "test", "--feeds", "3..4", "-o", "c.sluice", "--json"], {
    cwd: folder.path,
  });
  const { from, diverged } = JSON.parse(stdout || stderr);
  assertEquals([from, diverged], [0, []]);
  assertEquals((await runCli(["replay", "c.sluice"], { cwd: folder.path })).code, 0);
});

Deno.test("a case of a run that halted holds the record that halted it", async () => {
  await using folder = await recorded(`if (value.n === 13) throw new RangeError("no " + value.who); ${BODY}`);
  const exported = await runCli(["export", "test", "--failed", "-o", "c.sluice"], { cwd: folder.path });
  assertEquals(exported.code, 0, exported.stderr);
  Deno.removeSync(folder.at("in.ndjson"));
  Deno.removeSync(folder.at(".sluice"), { recursive: true });
  const same = await runCli(["replay", "c.sluice", "--failed", "--json"], { cwd: folder.path });
  assertEquals([same.code, JSON.parse(same.stdout).records], [0, 1]);
  folder.write("fixed.ts", scriptOf(BODY));
  const fixed = await runCli(["replay", "c.sluice", "--failed", "--with", "fixed.ts", "--json"], { cwd: folder.path });
  assertEquals(JSON.parse(fixed.stdout).whatIf.errors, { fixed: 1, new: 0 });
});

Deno.test("redacted fields are nowhere in a case, equal values have equal masks, and the case replays", async () => {
  await using folder = await recorded(`if (value.n === 18) throw new Error("bad " + value.who); ${BODY}`, [
    "--on-error",
    "dead-letter",
  ]);
  const args = ["export", "test", "--feeds", "2..5", "--redact", "who,phone", "--salt", "s"];
  for (const name of ["c.sluice", "again.sluice"]) {
    const { code, stderr } = await runCli([...args, "-o", name], { cwd: folder.path });
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "masked");
  }
  const bytes = new TextDecoder("latin1").decode(Deno.readFileSync(folder.at("c.sluice")));
  for (const secret of ['"ann"', '"bob"', '"cy"', "440000"]) assert(!bytes.includes(secret), secret);
  assertEquals((await runCli(["replay", "c.sluice"], { cwd: folder.path })).code, 0);
  const [state, again] = await Promise.all(
    ["c.sluice", "again.sluice"].map((name) => runCli(["state", name], { cwd: folder.path })),
  );
  assertMatch(state.stdout, /^masked-[0-9a-f]{10}\t\d+$/m);
  assertEquals(again.stdout, state.stdout);
  const plain = await runCli(["state", "test", "--at", "4"], { cwd: folder.path });
  const sums = (text: string) => text.split("\n").flatMap((line) => /\t(\d+)$/.exec(line)?.[1] ?? []).sort();
  assertEquals(sums(state.stdout), sums(plain.stdout));
});

Deno.test("a record that is not JSON cannot be redacted, and nothing is written", async () => {
  await using folder = await recorded("context.emit({ value: 1 });");
  folder.write("t.ts", scriptOf("context.emit({ value: 1 });").replace("input: json<any>()", "input: text()"));
  folder.write("t.txt", "plain words\n");
  await runCli(["run", "t.ts", "--name", "t", "--from", "t.txt", "--to", "o.ndjson", "--until-end"], {
    cwd: folder.path,
  });
  const { code, stderr } = await runCli(["export", "t", "--redact", "x", "-o", "c.sluice"], { cwd: folder.path });
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "it is not JSON");
  assertEquals([...Deno.readDirSync(folder.path)].filter(({ name }) => name.startsWith("c.sluice")), []);
});

Deno.test("a damaged, cut, newer, foreign or hostile case is refused in a sentence", async () => {
  await using folder = await recorded();
  assertEquals((await runCli(["export", "test", "-o", "c.sluice"], { cwd: folder.path })).code, 0);
  const good = Deno.readFileSync(folder.at("c.sluice"));
  const craft = (name: string, sql: string): string => {
    folder.write(name, good);
    const sqlite = new DatabaseSync(folder.at(name));
    sqlite.exec(sql);
    sqlite.close();
    return name;
  };
  folder.write("cut.sluice", good.slice(0, good.length >> 1));
  folder.write("text.sluice", "not a case");
  folder.write("empty.sluice", "");
  const flipped = good.slice();
  const at = new TextDecoder("latin1").decode(good).indexOf('"who":"bob"');
  flipped[at + 8] ^= 1;
  folder.write("flipped.sluice", flipped);
  const cases: readonly (readonly [file: string, says: string])[] = [
    ["cut.sluice", "database disk image is malformed"],
    ["text.sluice", "does not begin like one"],
    ["empty.sluice", "does not begin like one"],
    ["missing.sluice", "there is no such file"],
    ["flipped.sluice", "does not match its checksum"],
    [craft("newer.sluice", "PRAGMA user_version=99"), "upgrade Sluice"],
    [craft("trigger.sluice", "CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM runs; END"), "other tables"],
    [craft("view.sluice", "ALTER TABLE inputs RENAME TO i2; CREATE VIEW inputs AS SELECT * FROM i2"), "other tables"],
    [craftBatch(folder, good, "huge.sluice", { count: 2 ** 31 }), "the inputs of feed 0 are damaged"],
    [craftBatch(folder, good, "negative.sluice", { count: -5 }), "the inputs of feed 0 are damaged"],
    [craftBatch(folder, good, "fraction.sluice", { count: 1.5 }), "the inputs of feed 0 are damaged"],
  ];
  for (const [file, says] of cases) {
    const { code, stderr } = await runCli(["replay", file], { cwd: folder.path });
    assertEquals(code, 1, `${file}: ${stderr}`);
    assertStringIncludes(stderr, says, file);
    assert(!stderr.includes("    at "), `${file} shows a stack: ${stderr}`);
  }
});

/** The case with a batch whose header lies, under a right checksum. */
function craftBatch(folder: TestFolder, good: Uint8Array, name: string, lie: object): string {
  folder.write(name, good);
  const sqlite = new DatabaseSync(folder.at(name));
  const { crc: _, ...row } = sqlite.prepare("SELECT * FROM inputs WHERE seq = 0").get() as Record<string, Uint8Array>;
  const view = new DataView(row.packed.buffer, row.packed.byteOffset);
  const end = 5 + view.getUint32(1, true);
  const header = new TextEncoder().encode(
    JSON.stringify({ ...JSON.parse(new TextDecoder().decode(row.packed.subarray(5, end))), ...lie }),
  );
  const packed = new Uint8Array([row.packed[0], 0, 0, 0, 0, ...header, ...row.packed.subarray(end)]);
  new DataView(packed.buffer).setUint32(1, header.length, true);
  const crc = checksum({ ...row, packed });
  sqlite.prepare("UPDATE inputs SET packed = ?, crc = ? WHERE seq = 0").run(packed, crc);
  sqlite.close();
  return name;
}
