/** What a server lost that had acknowledged it is brought back, also by a task that has nothing to commit. */

import { assertEquals } from "@std/assert";
import { redisCli } from "../../tools/services/redis.ts";
import { spawnCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";
import { RunningJob } from "../support/redis_job.ts";
import { OwnRedis } from "../support/redis_servers.ts";
import { until } from "../support/until.ts";

Deno.test("Redis: an idle run brings back what its server lost", async () => {
  // What is not in the dump is lost with the process.
  await using server = await OwnRedis.start(["--appendonly", "no", "--save", ""]);
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("context.emit({ value });"));
  folder.write("in.ndjson", "1\n2\n3\n");
  const to = `redis://${server.address}/out`;
  const args = ["run", "p.ts", "--from", "file:in.ndjson", "--to", to, "--quiet"];
  const run = new RunningJob(spawnCli(args, { cwd: folder.path }));
  const length = async (): Promise<number> => Number(await redisCli(server.address, "XLEN", "out").catch(() => "-1"));
  try {
    await until(async () => await length() === 3);
    await redisCli(server.address, "SAVE");
    Deno.writeTextFileSync(folder.at("in.ndjson"), "4\n5\n", { append: true });
    await until(async () => await length() === 5);
    server.kill();
    await server.startAgain();
    await until(async () => await length() === 5);
    const values = (await redisCli(server.address, "XRANGE", "out", "-", "+")).split("\n").filter((_, i) =>
      i % 3 === 2
    );
    assertEquals(values, ["1", "2", "3", "4", "5"]);
  } finally {
    await run.kill();
  }
});
