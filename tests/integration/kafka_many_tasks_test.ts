/** A run with many tasks: their checkpoints' partitions are made while they start side by side. */

import { assertEquals } from "@std/assert";
import { kafkaAddress } from "../support/kafka.ts";
import { jobInput, KafkaJob } from "../support/kafka_job.ts";

const PARTITIONS = 48;
const RECORDS = 4800;

Deno.test("48 tasks start side by side, each with a checkpoint of its own", async () => {
  const address = await kafkaAddress();
  const input = await jobInput(address, PARTITIONS, RECORDS);
  for (let round = 0; round < 3; round++) {
    await using job = await KafkaJob.create({ address, input, feedRecords: 50 });
    const { outputs, digests } = await job.finish();
    assertEquals([Object.values(outputs).flat().length, digests.length], [RECORDS, PARTITIONS]);
  }
});
