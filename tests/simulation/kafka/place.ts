/** A simulated Kafka in a world: an input topic, an output topic, and brokers that come and go. */

import { BatchEncoder } from "../../../adapters/kafka/protocol/batch_encoder.ts";
import { decodeRecordSet } from "../../../adapters/kafka/protocol/record_set.ts";
import { viewOf } from "../../../adapters/kafka/protocol/view.ts";
import { KafkaSink } from "../../../adapters/kafka/sink.ts";
import { KafkaSource } from "../../../adapters/kafka/source.ts";
import type { Sink } from "../../../adapters/sink.ts";
import type { Source } from "../../../adapters/source.ts";
import { payloadAt } from "../../../formats/record_payload.ts";
import { hostOn } from "../host.ts";
import type { Place, SeenOutput } from "../place.ts";
import { chanceOfInput, type InputRecord, type Scenario } from "../scenario.ts";
import { networkOf } from "../world/network.ts";
import { Machine, type World } from "../world/world.ts";
import { BrokerConnection } from "./broker.ts";
import { SimulatedKafka } from "./simulated_kafka.ts";

const PORTS = [9092, 9093];
const INPUT = "in";
const OUTPUT = "out";
const OUTPUT_PARTITIONS = 2;
const DOWN_MS = { from: 5, to: 3000 };
/** When a broker aborts what a dead process left open. */
export const TRANSACTION_TIMEOUT_MS = 20_000;
/** Whose transactions are in the input: one for each partition. */
const OTHER_PRODUCER = 7n;
const NOBODY = { producerId: -1n, epoch: -1 };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** See the module. */
export class KafkaPlace implements Place {
  readonly kafka: SimulatedKafka;
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #machines: readonly Machine[];

  constructor(world: World, scenario: Scenario) {
    this.#world = world;
    this.#scenario = scenario;
    this.#machines = PORTS.map((port) => new Machine(world, `kafka:${port}`));
    const [first] = this.#machines;
    this.kafka = new SimulatedKafka({
      host: hostOn(first),
      ports: PORTS,
      transactionVersion: scenario.transactionVersion,
    });
    this.#machines.forEach((machine, index) => {
      const node = index + 1;
      networkOf(machine).listen(PORTS[index], {
        machine,
        accept: (connection) =>
          this.kafka.isDown(node) ? undefined : new BrokerConnection(this.kafka, node, connection),
      });
    });
    this.kafka.createTopic(OUTPUT, OUTPUT_PARTITIONS);
    const { partitions: { length }, addsPartition } = scenario;
    this.kafka.createTopic(INPUT, addsPartition ? Math.max(1, length - 1) : length);
  }

  openSource(isBounded: boolean): Promise<Source> {
    const options = { topics: [INPUT], isBounded, start: "earliest", settings: new Map() } as const;
    return KafkaSource.open({ brokers: this.#brokers, ...options });
  }

  openSink(owner: string, output: string): Promise<Sink> {
    return KafkaSink.open({
      brokers: this.#brokers,
      topics: new Map([[output, { topic: OUTPUT, compression: "none", hasOrigin: false }]]),
      run: "simulated",
      group: "simulated",
      isShared: this.#scenario.processes > 1,
      transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
      settings: new Map(),
      owner,
      onNotice: () => {},
    });
  }

  outputs(): readonly SeenOutput[] {
    return Array.from({ length: OUTPUT_PARTITIONS }, (_, partition) => {
      const { bytes, aborted } = this.kafka.log(OUTPUT, partition)!.fetch(0n, Infinity);
      const batch = decodeRecordSet({ stream: OUTPUT, partition: String(partition), bytes, position: 0n, aborted });
      return Array.from({ length: batch.count }, (_, row): SeenOutput => {
        const { key, value } = payloadAt(batch, row);
        return { key: key!, value: decoder.decode(value!) };
      });
    }).flat();
  }

  isSettled(): boolean {
    return this.kafka.coordinator.isIdle;
  }

  hasLostAll(): boolean {
    return false;
  }

  trim(): void {
    const { chance } = this.#world;
    const log = this.kafka.log(INPUT, chance.integer(0, this.#scenario.partitions.length));
    log?.trim(log.first + BigInt(chance.integer(0, Number(log.end - log.first) + 1)));
  }

  disturb(): void {
    const up = this.kafka.nodes.filter((node) => !this.kafka.isDown(node));
    if (up.length === 0) return;
    const node = this.#world.chance.pick(up);
    const machine = this.#machines[node - 1];
    this.#world.note(`${machine.name} goes down`);
    this.kafka.takeDown(node);
    networkOf(machine).cutAll(({ server }) => server === machine);
    const downMs = this.#world.chance.skewed(DOWN_MS.from, DOWN_MS.to);
    this.#world.schedule(machine, downMs, "comes up", () => this.kafka.bringUp(node));
  }

  restore(): void {
    for (const node of this.kafka.nodes) this.kafka.bringUp(node);
  }

  get #brokers(): readonly string[] {
    return PORTS.map((port) => `127.0.0.1:${port}`);
  }

  /** Records in batches of several sizes, some in transactions, and between them transactions that came to nothing. */
  *write(): Generator<void> {
    const chance = chanceOfInput(this.#scenario);
    const left = this.#scenario.partitions.map((records, partition) => ({
      partition,
      records: [...records],
      sequence: 0,
    }));
    while (left.some(({ records }) => records.length > 0)) {
      const input = chance.pick(left.filter(({ records }) => records.length > 0));
      const some = input.records.splice(0, chance.integer(1, 12));
      this.kafka.growTopic(INPUT, input.partition + 1);
      const log = this.kafka.log(INPUT, input.partition)!;
      const producerId = OTHER_PRODUCER + BigInt(input.partition);
      const append = (isTransactional: boolean): void => {
        const producer = isTransactional ? { producerId, epoch: 0 } : NOBODY;
        log.append(
          encode(some, input.partition).seal(producer, isTransactional ? input.sequence : -1, { isTransactional }),
        );
        if (isTransactional) input.sequence += some.length;
      };
      if (chance.happens(0.2)) {
        append(true);
        yield;
        log.mark(producerId, 0, false, this.kafka.host.nowMs());
      }
      const isTransactional = chance.happens(0.4);
      append(isTransactional);
      if (isTransactional) {
        yield;
        log.mark(producerId, 0, true, this.kafka.host.nowMs());
      }
      yield;
    }
  }
}

function encode(records: readonly InputRecord[], partition: number): BatchEncoder {
  const batch = new BatchEncoder(INPUT, partition, 64 * records.length);
  for (const { key, amount, eventTimeMs } of records) {
    const keyBytes = encoder.encode(key);
    const valueBytes = encoder.encode(JSON.stringify({ amount }));
    batch.add(eventTimeMs, viewOf(keyBytes), 0, keyBytes.length, viewOf(valueBytes), 0, valueBytes.length);
  }
  return batch;
}
