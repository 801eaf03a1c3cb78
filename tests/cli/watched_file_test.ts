/** A file is followed without harm to what lies beside it. */

import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { watchFile } from "../../cli/watched_file.ts";
import { TestFolder } from "../support/processor_script.ts";
import { until } from "../support/until.ts";

const LOOK = `import { DatabaseSync } from "node:sqlite";
const sqlite = new DatabaseSync(Deno.args[0]);
sqlite.prepare("SELECT count(*) FROM t").get();
sqlite.close();`;

Deno.test("a journal beside a file that is followed keeps its locks: whoever looks at it does not take its log away", async () => {
  await using folder = new TestFolder();
  const pipeline = folder.write("p.yaml", "one");
  const look = folder.write("look.ts", LOOK);
  const watched = watchFile(pipeline);
  let seen = 0;
  const follow = async () => {
    for (;;) seen = await watched.next(() => Promise.resolve(seen + 1));
  };
  void follow();
  const journal = new DatabaseSync(folder.at("j.db"));
  journal.exec("PRAGMA journal_mode=WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1); PRAGMA wal_checkpoint");
  // What has changed before has been looked at, too, once this is seen.
  folder.write("p.yaml", "two");
  await until(() => seen === 1);
  const child = new Deno.Command(Deno.execPath(), { args: ["run", "-A", "--quiet", look, folder.at("j.db")] });
  assertEquals((await child.output()).code, 0);
  const names = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
  assertEquals(names.includes("j.db-wal"), true, names.join());
  watched.close();
  journal.close();
});
