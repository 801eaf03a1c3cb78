/** A broker whose disk is full dies; with more room it comes back, and the run goes on where it stood. */

import { assert, assertEquals } from "@std/assert";
import { startBroker, startKafka } from "../../tools/services/kafka.ts";
import { isAlive } from "../../tools/services/server.ts";
import { stop } from "../../tools/services/services.ts";
import { spawnCli } from "../support/cli.ts";
import { freshTopic, readTopic } from "../support/kafka.ts";
import { ended } from "../support/kafka_job.ts";
import { TestFolder } from "../support/processor_script.ts";

const RECORDS = 20_000;
const RECORD_BYTES = 2000;

async function mount(...args: readonly string[]): Promise<boolean> {
  const { success } = await new Deno.Command("mount", { args: [...args], stderr: "null" }).output();
  return success;
}

const folder = await Deno.makeTempDir({ prefix: "sluice-disk-" });
const isMounted = await mount("-t", "tmpfs", "-o", "size=24m", "tmpfs", folder);

Deno.test({
  name: "a broker dies of a full disk and comes back with a larger one: the run goes on, every record once",
  // A disk of a size of one's own is root's to make.
  ignore: !isMounted,
  async fn() {
    let broker = await startKafka(folder);
    const { address } = broker;
    try {
      await using work = new TestFolder();
      const value = (i: number) => `${i}`.padEnd(RECORD_BYTES, ".");
      work.write("in.txt", Array.from({ length: RECORDS }, (_, i) => `${value(i)}\n`).join(""));
      work.write(
        "p.ts",
        `import { defineProcessor, text } from "@sluice/sluice/processor";
export default defineProcessor({ name: "p", input: text(), output: text(), process({ value }, { emit }) { emit({ value }); } });`,
      );
      const topic = await freshTopic(1, address);
      const args = ["run", "p.ts", "--from", "in.txt", "--to", `kafka://${address}/${topic}`, "--until-end", "--quiet"];
      const finished = ended(spawnCli([...args, "--feed-records", "500"], { cwd: work.path }));
      for (const deadlineMs = performance.now() + 60_000; isAlive(broker.pid);) {
        assert(performance.now() < deadlineMs, "the disk never became full");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert(await mount("-o", "remount,size=512m", folder));
      broker = { ...broker, pid: await startBroker(folder, Number(address.split(":")[1])) };
      const { code, stderr } = await finished;
      assertEquals(code, 0, stderr);
      const read = (await readTopic(topic, address)).map((record) => record.value);
      assertEquals(read.length, RECORDS);
      assert(read.every((text, i) => text === value(i)));
    } finally {
      await stop(broker);
    }
  },
});

Deno.test.afterAll(async () => {
  if (isMounted) await new Deno.Command("umount", { args: ["-l", folder] }).output();
  await Deno.remove(folder, { recursive: true }).catch(() => {});
});
