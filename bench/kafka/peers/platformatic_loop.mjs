/** The same loop for @platformatic/kafka: transactions of 10,000 records. Prints milliseconds. */

// Computed, so that it is no dependency of this project.
const { Consumer, Producer } = await import(["npm:@platformatic", "kafka@2.12.1"].join("/"));

const [broker, input, output, recordsText] = Deno.args;
const records = Number(recordsText);
const clientId = "loop";
const consumer = new Consumer({ clientId, groupId: output, bootstrapBrokers: [broker] });
const producer = new Producer({ clientId, bootstrapBrokers: [broker], transactionalId: output, idempotent: true });
const stream = await consumer.consume({ autocommit: false, topics: [input], mode: "earliest", isolationLevel: 1 });
let written = 0;
let firstMs = 0;
let messages = [];
let offsets = [];

async function commit() {
  const transaction = await producer.beginTransaction();
  await transaction.addConsumer(consumer);
  // More at once is refused as too large: it makes one batch per partition.
  for (let at = 0; at < messages.length; at += 2500) {
    await transaction.send({ messages: messages.slice(at, at + 2500), acks: -1 });
  }
  const last = new Map(offsets.map((message) => [message.partition, message]));
  for (const message of last.values()) await transaction.addOffset(message);
  await transaction.commit();
  written += messages.length;
  messages = [];
  offsets = [];
}

for await (const message of stream) {
  if (firstMs === 0) firstMs = performance.now();
  const order = JSON.parse(message.value.toString());
  order.euros = order.cents / 100;
  messages.push({ topic: output, key: message.key, value: Buffer.from(JSON.stringify(order)) });
  offsets.push(message);
  if (messages.length === 10_000 || written + messages.length === records) await commit();
  if (written >= records) break;
}
console.log(performance.now() - firstMs);
Deno.exit(0);
