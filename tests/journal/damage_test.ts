/** A damaged journal gives an error or the right answer, never a wrong one (M4, M5). */

import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { JournalError } from "../../controller/journal/journal.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { MIGRATIONS } from "../../controller/journal/schema.ts";
import { verifyJournal } from "../../controller/journal/verify.ts";
import { runCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 7);
const FLIPS = 400;
const CUTS = 60;

const SCRIPT = scriptOf(
  "if (value === 7) throw new Error('seven'); context.state.set('k' + value % 5, value); context.emit({ value });",
);

/** All that a start or a replay would read, as text. */
function readAll(path: string): string {
  const journal = SqliteJournal.openReader(path);
  try {
    const parts: unknown[] = [];
    for (const run of journal.runs()) {
      parts.push(run, journal.events(run), [...journal.deadLetters(run)]);
      for (const task of journal.tasks(run)) {
        const taskJournal = journal.task(task);
        const feeds = [...taskJournal.feeds(0, Infinity)];
        parts.push(task, taskJournal.epochs(), [...taskJournal.progress()], feeds, taskJournal.lastFeed());
        for (const { seq } of feeds) parts.push([...taskJournal.unitDigests(seq)]);
        parts.push([...taskJournal.stateBefore(feeds.length)]);
        for (const { codeHash } of taskJournal.epochs()) parts.push(journal.code(codeHash).bundle);
      }
    }
    return JSON.stringify(parts, (_name, value) => typeof value === "bigint" ? String(value) : value);
  } finally {
    journal.close();
  }
}

async function writeJournal(folder: TestFolder): Promise<string> {
  folder.write("p.ts", SCRIPT);
  folder.write("in.ndjson", Array.from({ length: 100 }, (_, i) => `${i}\n`).join(""));
  const args = ["run", "p.ts", "--from", "in.ndjson", "--to", "out", "--until-end", "--feed-records", "10"];
  const { code, stderr } = await runCli([...args, "--on-error", "dead-letter", "--journal", "j.db"], {
    cwd: folder.path,
  });
  assertEquals(code, 0, stderr);
  return folder.at("j.db");
}

function isRightOrRefused(path: string, expected: string): boolean {
  try {
    return readAll(path) === expected;
  } catch (error) {
    return error instanceof JournalError;
  }
}

Deno.test("a flipped bit is noticed, or changes nothing that is read", async () => {
  console.log(`seed ${SEED}`);
  await using folder = new TestFolder();
  const path = await writeJournal(folder);
  const expected = readAll(path);
  const bytes = Deno.readFileSync(path);
  let seed = SEED;
  let refused = 0;
  for (let flip = 0; flip < FLIPS; flip++) {
    seed = Math.imul(seed, 1664525) + 1013904223 >>> 0;
    const bit = seed % (bytes.length * 8);
    const damaged = bytes.slice();
    damaged[bit >> 3] ^= 1 << (bit & 7);
    const copy = folder.write("damaged.db", damaged);
    assert(isRightOrRefused(copy, expected), `bit ${bit} gives a wrong answer`);
    try {
      readAll(copy);
    } catch {
      refused++;
    }
  }
  assert(refused > FLIPS / 10, `only ${refused} of ${FLIPS} flips were noticed`);
});

Deno.test("a row that cannot be read is no end of the rows", async () => {
  await using folder = new TestFolder();
  const path = await writeJournal(folder);
  const bytes = Deno.readFileSync(path);
  // The length of the run's description, which precedes its name and its text, says more than there is.
  const text = new TextDecoder("latin1").decode(bytes);
  const at = text.indexOf(`test{"name":"test"`) - 3;
  bytes[at] |= 0x40;
  assertThrows(() => readAll(folder.write("damaged.db", bytes)), JournalError, "malformed");
});

Deno.test("owners that vanished with a damaged index are missed", async () => {
  await using folder = new TestFolder();
  const path = await writeJournal(folder);
  const journal = await SqliteJournal.open(path);
  journal.database.run("DELETE FROM epochs");
  const [task] = journal.tasks(journal.runs()[0]);
  assertThrows(() => journal.task(task).epochs(), JournalError, "epoch 0 is missing");
  journal.close();
});

Deno.test("a settlement that is missing while later ones are there is named, and is no damage", async () => {
  await using folder = new TestFolder();
  const path = await writeJournal(folder);
  const database = new DatabaseSync(path);
  database.exec("DELETE FROM settlements WHERE seq = 3");
  database.close();
  const { code, message } = assertThrows(() => readAll(path), JournalError);
  assertEquals(code, "E_JOURNAL_INCOMPLETE");
  assertStringIncludes(message, "the settlement of feed 3 is missing");
});

Deno.test("a journal that was cut off anywhere is refused, or read right", async () => {
  await using folder = new TestFolder();
  const path = await writeJournal(folder);
  const expected = readAll(path);
  const bytes = Deno.readFileSync(path);
  for (let cut = 0; cut < CUTS; cut++) {
    const copy = folder.write("cut.db", bytes.slice(0, 1 + Math.floor(bytes.length * cut / CUTS)));
    assert(isRightOrRefused(copy, expected), `cut ${cut} gives a wrong answer`);
  }
});

Deno.test("verify finds nothing in a sound journal and names the table of a changed row", async () => {
  await using folder = new TestFolder();
  const path = await writeJournal(folder);
  const journal = await SqliteJournal.open(path);
  assertEquals(verifyJournal(journal).problems, []);
  journal.database.run("UPDATE feeds SET outputs = outputs + 1 WHERE seq = 3");
  const { problems } = verifyJournal(journal);
  assert(problems.some((problem) => problem.startsWith("feeds: ")), problems.join("\n"));
  journal.close();
});

Deno.test("a journal of a newer version, another SQLite file, and no database at all are refused by name", async () => {
  await using folder = new TestFolder();
  const path = await writeJournal(folder);
  const journal = await SqliteJournal.open(path);
  journal.database.run("PRAGMA user_version = 99");
  journal.close();
  assertEquals(assertThrows(() => SqliteJournal.openReader(path), JournalError).code, "E_JOURNAL_NEWER");
  // What a Sluice of before says to its user.
  for (const command of [["replay", "test"], ["run", "p.ts", "--from", "in.ndjson", "--to", "out"]]) {
    const { code, stderr } = await runCli([...command, "--journal", "j.db"], { cwd: folder.path });
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, `it has version 99, this Sluice knows up to ${MIGRATIONS.length}; upgrade Sluice`);
  }
  const text = folder.write("text.db", "this is no database at all, but it is long enough to be looked at".repeat(20));
  assertEquals(assertThrows(() => SqliteJournal.openReader(text), JournalError).code, "E_JOURNAL_DAMAGED");
  assertEquals(
    assertThrows(() => SqliteJournal.openReader(folder.at("none.db")), JournalError).code,
    "E_JOURNAL_MISSING",
  );
});
