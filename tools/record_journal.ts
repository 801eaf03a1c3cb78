/**
 * `deno task record NAME PROCESSOR -- OPTIONS…`: records a journal that is replayed for ever (I10), with its inputs and the
 * code that made it. One is recorded for every version of the format, and for whatever a version newly holds, before that
 * is released; none is ever recorded again.
 */

import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DatabaseSync } from "node:sqlite";
import { checksum } from "../controller/journal/database.ts";

const JOURNALS = fileURLToPath(new URL("../tests/replay/journals", import.meta.url));
const MAIN = fileURLToPath(new URL("../cli/main.ts", import.meta.url));
const USAGE = "deno task record v3_what_it_shows processor.ts -- --from file:in.ndjson --to file:out.ndjson …";
const NO_MAP = '{"version":3,"sources":[],"mappings":""}';
const NAME = /^v\d+_[a-z_]+$/;

const [name, processor, ...options] = Deno.args.filter((word) => word !== "--");
if (processor === undefined || !NAME.test(name)) {
  console.error(`Usage: ${USAGE}`);
  Deno.exit(2);
}
const folder = join(JOURNALS, name);
try {
  Deno.mkdirSync(folder);
} catch {
  console.error(`Cannot record ${name}: it is there already, and what was recorded is for ever; take another name`);
  Deno.exit(1);
}
const journal = join(folder, "journal.db");
const args = ["run", "-A", MAIN, "run", processor, "--journal", journal, "--capture", "all", "--until-end", ...options];
const { success } = new Deno.Command(Deno.execPath(), { args, stdout: "inherit", stderr: "inherit" }).outputSync();
if (!success) {
  Deno.removeSync(folder, { recursive: true });
  Deno.exit(1);
}
Deno.copyFileSync(processor, join(folder, basename(processor)));
const sqlite = new DatabaseSync(journal);
forgetPaths(sqlite);
// One file, which leaves no log beside it when it is read.
sqlite.exec("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE; VACUUM;");
const row = sqlite.prepare("SELECT count(*) AS feeds, sum(records) AS records FROM feeds WHERE seq >= 0").get()!;
sqlite.close();
for (const { name: each } of [...Deno.readDirSync(folder)]) {
  // What SQLite and the run's lock left beside it.
  if (each.startsWith("journal.db.") || each.startsWith("journal.db-")) Deno.removeSync(join(folder, each));
}
console.log(`Recorded. Add to tests/replay/journals_test.ts:\n  ${name}: [${row.feeds}, ${row.records}],`);

/** Source maps name the files of whoever records; a replay does not need them. */
function forgetPaths(sqlite: DatabaseSync): void {
  for (const row of sqlite.prepare("SELECT hash, script, bundle, source_map FROM code").all()) {
    const { hash } = row as { readonly hash: string };
    const crc = checksum({ ...row as Readonly<Record<string, string>>, source_map: NO_MAP });
    sqlite.prepare("UPDATE code SET source_map = ?, crc = ? WHERE hash = ?").run(NO_MAP, crc, hash);
  }
}
