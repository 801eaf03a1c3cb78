/** The timeline sums up: as many bars as are wanted at most, and nothing is lost between them. */

import { assert, assertEquals } from "@std/assert";
import { UiApi } from "../../cli/ui/api.ts";
import { runCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

Deno.test("feeds become as many bars as are wanted at most, which follow each other and hold all records", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("if (value.n % 50 === 7) throw new Error('seven'); context.emit({ value });"));
  folder.write(
    "in.ndjson",
    Array.from({ length: 500 }, (_, n) => `{"n":${n},"at":${1_700_000_000_000 + n}}\n`).join(""),
  );
  const run = [
    "run",
    "p.ts",
    "--from",
    "file:in.ndjson?time=at",
    "--to",
    "out.ndjson",
    "--until-end",
    "--feed-records",
    "3",
  ];
  assertEquals((await runCli([...run, "--on-error", "skip"], { cwd: folder.path })).code, 0);
  await using api = new UiApi(folder.at(".sluice/journal.db"));
  for (const bucketsMax of [1, 7, 50, 1000]) {
    const buckets = api.timeline("test", "0", 0, Infinity, bucketsMax);
    assert(buckets.length <= bucketsMax, `${buckets.length} bars`);
    const total = (field: "records" | "outputs" | "failures") => buckets.reduce((sum, each) => sum + each[field], 0);
    assertEquals([total("records"), total("outputs"), total("failures")], [500, 490, 10]);
    const lags = buckets.slice(0, -1).map(({ lagMs }) => lagMs!);
    assert(lags.every((lagMs) => lagMs > 1_000_000_000), String(lags));
    let next = 0;
    for (const { from, to } of buckets) {
      assertEquals(from, next);
      next = to + 1;
    }
    assertEquals(next, api.run("test").tasks[0].last + 1);
  }
});
