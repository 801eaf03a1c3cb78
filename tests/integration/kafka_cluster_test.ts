/** Three brokers, each of which is killed and comes back while a run is at work: leaders and coordinators move. */

import { assertEquals } from "@std/assert";
import { type Broker, startBroker, startKafkaCluster } from "../../tools/services/kafka.ts";
import { stop } from "../../tools/services/services.ts";
import { ended, feedsJournaled, jobInput, KafkaJob, untilFeeds } from "../support/kafka_job.ts";

const PARTITIONS = 6;
const RECORDS = 12_000;

async function restart({ pid, folder, address }: Broker): Promise<number> {
  Deno.kill(pid, "SIGKILL");
  return await startBroker(folder, Number(address.split(":")[1]));
}

Deno.test("each of three brokers is lost and comes back under a run: every record exactly once, in order", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-cluster-" });
  const brokers = [...await startKafkaCluster(folder, 3)];
  try {
    const address = brokers.map((broker) => broker.address).join(",");
    const input = await jobInput(address, PARTITIONS, RECORDS);
    const options = { address, input, partitions: PARTITIONS };
    await using undisturbed = await KafkaJob.create({ ...options, feedRecords: 500 });
    const expected = await undisturbed.finish();
    assertEquals(Object.values(expected.outputs).flat().length, RECORDS);

    await using job = await KafkaJob.create({ ...options, feedRecords: 5 });
    const child = job.start();
    const finished = ended(child);
    for (let i = 0; i < brokers.length; i++) {
      await untilFeeds(job, feedsJournaled(job) + 50);
      brokers[i] = { ...brokers[i], pid: await restart(brokers[i]) };
    }
    const { code, stderr } = await finished;
    assertEquals(code, 0, stderr);
    assertEquals(await job.outcome(), expected);
  } finally {
    for (const broker of brokers) await stop(broker);
    await Deno.remove(folder, { recursive: true });
  }
});
