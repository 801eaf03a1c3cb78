/**
 * The simulated Kafka against a real broker: the same requests, also those that no sane client sends, get the same answers.
 * Whatever the simulation lets happen to Sluice, Kafka would let happen too.
 */

import { assertEquals } from "@std/assert";
import { patience } from "../../adapters/kafka/patience.ts";
import { BatchEncoder, type ProducerIdentity } from "../../adapters/kafka/protocol/batch_encoder.ts";
import { Cluster } from "../../adapters/kafka/protocol/cluster.ts";
import { fetchFrom, offsetOf } from "../../adapters/kafka/protocol/fetch.ts";
import { decodeProduce, flexibleProduce, plainProduce } from "../../adapters/kafka/protocol/produce.ts";
import { decodeRecordSet } from "../../adapters/kafka/protocol/record_set.ts";
import { viewOf } from "../../adapters/kafka/protocol/view.ts";
import { Writer } from "../../adapters/kafka/protocol/wire.ts";
import { patiently } from "../../adapters/patience.ts";
import { payloadAt } from "../../formats/record_payload.ts";
import { freshTopic, kafkaAddress } from "../support/kafka.ts";
import { serveKafka } from "../support/simulated_servers.ts";

/** Transactions that are being ended; a coordinator that a broker has only begun to be. */
const NOT_YET: ReadonlySet<number> = new Set([51, 14, 16]);
/** The first transaction of a broker makes the topic that coordinators need. */
const READY_MS_MAX = 60_000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A producer that does as it is told, and tells what it was answered. */
class Driver {
  readonly #cluster: Cluster;
  readonly #topic: string;
  readonly #id: string;
  readonly #isV2: boolean;
  readonly transcript: string[] = [];

  constructor(cluster: Cluster, topic: string, isV2: boolean) {
    this.#cluster = cluster;
    this.#topic = topic;
    this.#id = `id-${topic}`;
    this.#isV2 = isV2;
  }

  /** Asks again while the broker is about to do what was asked before, which takes a while that nobody knows. */
  async #settled(attempt: () => Promise<number>): Promise<number> {
    for (;;) {
      const errorCode = await attempt();
      if (!NOT_YET.has(errorCode)) return errorCode;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async #coordinator() {
    return await patiently(
      patience(this.#cluster, READY_MS_MAX),
      () => this.#cluster.coordinatorOf("transaction", this.#id),
    );
  }

  async init(): Promise<ProducerIdentity> {
    const fields = new Writer().compactString(this.#id).int32(60_000).int64(-1n).int16(-1).noTags();
    let identity = { producerId: -1n, epoch: -1 };
    const errorCode = await this.#settled(async () => {
      const request = { name: "InitProducerId", key: 22, version: 4, isFlexible: true, body: [fields.written] };
      const answer = await (await this.#coordinator()).send(request);
      answer.int32();
      const code = answer.int16();
      identity = { producerId: answer.int64(), epoch: answer.int16() };
      return code;
    });
    this.transcript.push(`init: ${errorCode}, epoch ${identity.epoch}`);
    return identity;
  }

  async add({ producerId, epoch }: ProducerIdentity): Promise<void> {
    if (this.#isV2) return;
    const fields = new Writer().string(this.#id).int64(producerId).int16(epoch);
    fields.array([this.#topic], (topic) => fields.string(topic).array([0], (partition) => fields.int32(partition)));
    const errorCode = await this.#settled(async () => {
      const request = { name: "AddPartitionsToTxn", key: 24, version: 1, isFlexible: false, body: [fields.written] };
      const answer = await (await this.#coordinator()).send(request);
      answer.int32();
      const [[code]] = answer.array(() => {
        answer.string();
        return answer.array(() => {
          answer.int32();
          return answer.int16();
        });
      });
      return code;
    });
    this.transcript.push(`add: ${errorCode}`);
  }

  async produce(identity: ProducerIdentity, sequence: number, values: readonly string[]): Promise<void> {
    const batch = new BatchEncoder(this.#topic, 0, 64 * values.length);
    for (const value of values) {
      const bytes = encoder.encode(value);
      batch.add(1_750_000_000_000, viewOf(bytes), 0, -1, viewOf(bytes), 0, bytes.length);
    }
    const bytes = batch.seal(identity, sequence);
    const request = { transactionalId: this.#id, batches: [batch], seal: () => bytes };
    const isFlexible = this.#isV2;
    const errorCode = await this.#settled(async () => {
      const broker = await this.#cluster.leaderOf(this.#topic, 0);
      const body = isFlexible ? flexibleProduce(request) : plainProduce(request);
      const answer = await broker.send({ name: "Produce", key: 0, version: isFlexible ? 12 : 7, isFlexible, body });
      return decodeProduce(answer, isFlexible)[0].errorCode;
    });
    this.transcript.push(`produce ${values.join()} at ${sequence}: ${errorCode}`);
  }

  async end({ producerId, epoch }: ProducerIdentity, isCommit: boolean): Promise<ProducerIdentity> {
    const isFlexible = this.#isV2;
    const fields = isFlexible ? new Writer().compactString(this.#id) : new Writer().string(this.#id);
    fields.int64(producerId).int16(epoch).int8(isCommit ? 1 : 0);
    if (isFlexible) fields.noTags();
    let next = { producerId, epoch };
    const errorCode = await this.#settled(async () => {
      const request = { name: "EndTxn", key: 26, version: isFlexible ? 5 : 1, isFlexible, body: [fields.written] };
      const answer = await (await this.#coordinator()).send(request);
      answer.int32();
      const code = answer.int16();
      if (isFlexible && code === 0) next = { producerId: answer.int64(), epoch: answer.int16() };
      return code;
    });
    this.transcript.push(`${isCommit ? "commit" : "abort"}: ${errorCode}, epoch ${next.epoch}`);
    return next;
  }

  /** What readers see, once all that was decided is marked: up to `end`, in offsets. */
  async read(end: bigint): Promise<void> {
    const at = { topic: this.#topic, partition: 0 };
    const broker = await this.#cluster.leaderOf(this.#topic, 0);
    while ((await offsetOf(broker, at, "latest"))! < end) await new Promise((resolve) => setTimeout(resolve, 5));
    const limit = { waitMs: 100, bytesMax: 1 << 20, partitionBytesMax: 1 << 20 };
    const values: string[] = [];
    const offsets = new Set<bigint>();
    for (let position = 0n; position < end;) {
      const answer = await fetchFrom(broker, [{ ...at, position }], limit);
      const [{ recordSet, aborted, errorCode }] = answer.partitions;
      if (errorCode !== 0) return void this.transcript.push(`read: ${errorCode}`);
      const batch = decodeRecordSet({ stream: at.topic, partition: "0", bytes: recordSet, position, aborted });
      for (let row = 0; row < batch.count; row++) values.push(decoder.decode(payloadAt(batch, row).value!));
      for (const { firstOffset } of aborted) offsets.add(firstOffset);
      position = batch.next;
    }
    this.transcript.push(`read: ${values.join()}, aborted from ${[...offsets].join()}`);
  }

  async fetchAt(position: bigint): Promise<void> {
    const broker = await this.#cluster.leaderOf(this.#topic, 0);
    const limit = { waitMs: 0, bytesMax: 1 << 20, partitionBytesMax: 1 << 20 };
    const answer = await fetchFrom(broker, [{ topic: this.#topic, partition: 0, position }], limit);
    this.transcript.push(`fetch at ${position}: ${answer.partitions[0].errorCode}`);
  }
}

/** What is done, by the name of what it shows. */
const SCRIPTS: Readonly<Record<string, (driver: Driver) => Promise<void>>> = {
  async "commits, aborts, and transactions that wrote nothing"(driver) {
    let me = await driver.init();
    await driver.add(me);
    await driver.produce(me, 0, ["a", "b"]);
    me = await driver.end(me, true);
    await driver.read(3n);
    const isNewEpoch = driver.transcript.at(-2)!.endsWith("epoch 1");
    await driver.add(me);
    await driver.produce(me, isNewEpoch ? 0 : 2, ["c"]);
    me = await driver.end(me, false);
    await driver.read(5n);
    await driver.end(me, true);
    await driver.fetchAt(99n);
  },
  async "a batch that comes again, and one out of sequence"(driver) {
    const me = await driver.init();
    await driver.add(me);
    await driver.produce(me, 0, ["a", "b"]);
    await driver.produce(me, 0, ["a", "b"]);
    await driver.produce(me, 2, ["c"]);
    await driver.produce(me, 7, ["d"]);
    await driver.end(me, true);
    await driver.read(4n);
  },
  async "an owner that was taken over from"(driver) {
    const first = await driver.init();
    await driver.add(first);
    await driver.produce(first, 0, ["lost"]);
    const second = await driver.init();
    await driver.produce(first, 1, ["late"]);
    await driver.end(first, true);
    await driver.add(second);
    await driver.produce(second, 0, ["kept"]);
    await driver.end(second, true);
    await driver.read(4n);
  },
  async "the end of a transaction is asked for again"(driver) {
    const me = await driver.init();
    await driver.add(me);
    await driver.produce(me, 0, ["a"]);
    await driver.end(me, true);
    await driver.read(2n);
    await driver.end(me, true);
    await driver.end(me, false);
  },
  async "a late batch of a transaction that has ended"(driver) {
    const me = await driver.init();
    await driver.add(me);
    await driver.produce(me, 0, ["a"]);
    await driver.end(me, true);
    await driver.read(2n);
    await driver.produce(me, 1, ["late"]);
  },
};

for (const protocol of ["v1", "v2"] as const) {
  for (const [name, script] of Object.entries(SCRIPTS)) {
    Deno.test(`simulated Kafka, transactions ${protocol}, answers as a broker does: ${name}`, async () => {
      const topic = await freshTopic();
      const real = await transcriptOf(await kafkaAddress(), topic, protocol, script);
      await using kafka = await serveKafka(protocol === "v2" ? 2 : 1);
      kafka.server.createTopic(topic, 1);
      assertEquals(await transcriptOf(`127.0.0.1:${kafka.port}`, topic, protocol, script), real);
    });
  }
}

async function transcriptOf(
  address: string,
  topic: string,
  protocol: "v1" | "v2",
  script: (driver: Driver) => Promise<void>,
): Promise<readonly string[]> {
  const cluster = await Cluster.connect({ brokers: [address], clientId: "test" }, topic);
  try {
    const driver = new Driver(cluster, topic, protocol === "v2");
    await script(driver);
    return driver.transcript;
  } finally {
    cluster.close();
  }
}
