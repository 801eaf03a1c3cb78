/**
 * kill -9 at every step of a feed's life and at random moments, Kafka to Kafka, with both transaction protocols: what a
 * read_committed consumer sees, the order per key, and the state equal those of a run that was never killed.
 */

import { assert, assertEquals } from "@std/assert";
import { outputOrKilledAfter, runCli } from "../support/cli.ts";
import { kafkaAddress } from "../support/kafka.ts";
import { jobInput, KafkaJob } from "../support/kafka_job.ts";

const PARTITIONS = 4;
const RECORDS = 4000;
const KILLS = 20;
const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 20261125);
const address = await kafkaAddress();
const input = await jobInput(address, PARTITIONS, RECORDS);

async function uncrashed() {
  await using job = await KafkaJob.create({ address, input, feedRecords: 100 });
  const outcome = await job.finish();
  assertEquals(Object.values(outcome.outputs).flat().length, RECORDS);
  return outcome;
}

const expected = await uncrashed();

for (const protocol of ["v1", "v2"]) {
  const sinkOptions = `?transactions=${protocol}`;

  Deno.test(`Kafka, transactions ${protocol}: killed after every step, a run ends as if it had never been killed`, async () => {
    await using job = await KafkaJob.create({ address, input, sinkOptions, feedRecords: 100 });
    // One run is killed at one step after the other: each kill is one more that it has to survive.
    let seq = 0;
    for (const step of ["sealed", "processed", "prepared", "committed", "settled"]) {
      const crashed = await runCli(job.args(), { cwd: job.folder.path, crashAt: `${step}:${seq}` });
      assertEquals(crashed.signal, "SIGKILL", `${step}:${seq} was never reached: ${crashed.stderr}`);
      seq += 2;
    }
    assertEquals(await job.finish(), expected);
  });

  Deno.test(`Kafka, transactions ${protocol}: killed at random moments, a run ends as if it had never been killed`, async () => {
    console.log(`seed ${SEED}`);
    let seed = SEED;
    const random = () => (seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) / 2 ** 32;
    await using job = await KafkaJob.create({ address, input, sinkOptions, feedRecords: 2 });
    let kills = 0;
    while (kills < KILLS) {
      const { code, signal } = await outputOrKilledAfter(job.start(), 200 + random() * 400);
      if (signal === null) {
        assertEquals(code, 0);
        break;
      }
      kills++;
    }
    console.log(`${kills} kills`);
    assert(kills > KILLS / 4, `it was killed ${kills} times only`);
    assertEquals(await job.finish(), expected);
  });
}
