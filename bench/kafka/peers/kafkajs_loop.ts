/** The loop that a kafkajs user writes: eachBatch, one transaction per 8,000 records, offsets in it. Prints milliseconds. */

import { Kafka, logLevel } from "kafkajs";

const [broker, input, output, recordsText] = Deno.args;
const records = Number(recordsText);
const kafka = new Kafka({ clientId: "loop", brokers: [broker], logLevel: logLevel.NOTHING });
const producer = kafka.producer({ transactionalId: output, idempotent: true, maxInFlightRequests: 1 });
const consumer = kafka.consumer({ groupId: output, maxBytesPerPartition: 1_200_000 });
await producer.connect();
await consumer.connect();
await consumer.subscribe({ topics: [input], fromBeginning: true });
const { promise: done, resolve } = Promise.withResolvers<void>();
let written = 0;
let firstMs = 0;
await consumer.run({
  autoCommit: false,
  async eachBatch({ batch, resolveOffset, heartbeat }) {
    if (firstMs === 0) firstMs = performance.now();
    for (let at = 0; at < batch.messages.length; at += 8000) {
      const part = batch.messages.slice(at, at + 8000);
      const transaction = await producer.transaction();
      const messages = part.map(({ key, value }) => {
        const order = JSON.parse(value!.toString());
        order.euros = order.cents / 100;
        return { key, value: JSON.stringify(order) };
      });
      for (let from = 0; from < messages.length; from += 1000) {
        await transaction.send({ topic: output, messages: messages.slice(from, from + 1000) });
      }
      const { topic, partition } = batch;
      const offset = String(BigInt(part.at(-1)!.offset) + 1n);
      await transaction.sendOffsets({
        consumerGroupId: output,
        topics: [{ topic, partitions: [{ partition, offset }] }],
      });
      await transaction.commit();
      resolveOffset(part.at(-1)!.offset);
      written += part.length;
    }
    await heartbeat();
    if (written >= records) resolve();
  },
});
await done;
console.log(performance.now() - firstMs);
Deno.exit(0);
