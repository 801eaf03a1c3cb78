/** A simulated Kinesis in a world: an input that was split and merged while it was written, an output that is, too. */

import { readAggregate } from "../../../adapters/kinesis/aggregated.ts";
import { listShards, openClient } from "../../../adapters/kinesis/client.ts";
import { hashKeyOf } from "../../../adapters/kinesis/shards.ts";
import { KinesisSink } from "../../../adapters/kinesis/sink.ts";
import { KinesisSource } from "../../../adapters/kinesis/source.ts";
import type { Sink } from "../../../adapters/sink.ts";
import type { Source } from "../../../adapters/source.ts";
import { type Answered, NOWHERE, type RequestFault, serve } from "../aws/http.ts";
import { hostOn } from "../host.ts";
import type { Place, SeenOutput } from "../place.ts";
import { chanceOfInput, type InputRecord, type Scenario } from "../scenario.ts";
import { Machine, type World } from "../world/world.ts";
import { SimulatedKinesis } from "./simulated_kinesis.ts";

const ADDRESS = { region: "us-east-1", endpoint: "http://127.0.0.1:4567" };
const SHARDS_MAX = 6;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * To be awaited before the first world: the SDK reads its configuration when it is first used, from files, and no seed decides
 * when one has been read. Nobody answers.
 */
export async function warmUpKinesis(): Promise<void> {
  const client = openClient({ ...ADDRESS, endpoint: NOWHERE, stream: "in" });
  await listShards(client, "in").catch(() => {});
  client.destroy();
}

/** See the module. */
export class KinesisPlace implements Place {
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #input: SimulatedKinesis;
  readonly #output: SimulatedKinesis;
  #isCalm = false;

  constructor(world: World, scenario: Scenario) {
    this.#world = world;
    this.#scenario = scenario;
    const machine = new Machine(world, "kinesis");
    const host = hostOn(machine);
    this.#input = new SimulatedKinesis(host, "in", scenario.partitions.length);
    this.#output = new SimulatedKinesis(host, "out", 2);
    serve({
      machine,
      target: "Kinesis_20131202",
      do: (action, request) => this.#do(action, request),
      faultOf: (action) => this.#faultOf(action),
    });
  }

  openSource(isBounded: boolean): Promise<Source> {
    return KinesisSource.open({ ...ADDRESS, stream: "in", start: "earliest", isBounded });
  }

  openSink(): Promise<Sink> {
    return KinesisSink.open({ ...ADDRESS, stream: "out", format: this.#scenario.format });
  }

  /** What a reader makes of it that leaves out what comes again, and passes over what does not belong into its shard. */
  outputs(): readonly SeenOutput[] {
    const seen = new Set<string>();
    return this.#output.shards.flatMap(({ from, to, records }) =>
      records.flatMap(({ key, data }) => {
        const inside = readAggregate(data);
        return inside
          ? inside.records.filter((each) => isWithin(decoder.decode(each.key), from, to)).map(({ key, value }) => ({
            key: decoder.decode(key),
            value: decoder.decode(value),
          }))
          : [{ key, value: decoder.decode(data) }];
      })
    ).filter(({ value }) => !seen.has(value) && seen.add(value));
  }

  isSettled(): boolean {
    return true;
  }

  hasLostAll(): boolean {
    return false;
  }

  /** Kinesis removes by age alone, which decides what a reader can prove: days do not pass here. */
  trim(): void {}

  disturb(): void {
    const { chance } = this.#world;
    const shards = this.#output.open.length;
    const isSplit = shards < 2 || (shards < SHARDS_MAX && chance.happens(0.5));
    this.#world.note(`kinesis ${isSplit ? "splits a shard" : "merges shards"}`);
    if (isSplit) this.#output.split(chance.integer(0, shards));
    else this.#output.merge(chance.integer(0, shards - 1));
    this.#output.refusedShare = chance.pick([0, 0, 0.2]);
  }

  restore(): void {
    this.#isCalm = true;
    this.#output.refusedShare = 0;
  }

  /** An iterator names its stream itself. */
  #do(action: string, request: Readonly<Record<string, unknown>>): Answered {
    const name = String(request.StreamName ?? String(request.ShardIterator).split(" ")[0]);
    const stream = [this.#input, this.#output].find((each) => each.stream === name);
    return stream?.do(action, request) ?? { error: "ResourceNotFoundException", message: `Stream ${name} not found` };
  }

  #faultOf(action: string): RequestFault {
    const { faults } = this.#scenario;
    const { chance } = this.#world;
    if (this.#isCalm) return undefined;
    if (chance.happens(4 * faults.cut)) return chance.pick(["lost before", "lost after"]);
    if (chance.happens(4 * faults.stall)) return "throttled";
    return action === "PutRecords" && chance.happens(4 * faults.cut) ? "twice" : undefined;
  }

  /** Records by event time, and between them shards that split and merge. */
  *write(): Generator<void> {
    const chance = chanceOfInput(this.#scenario);
    const records = this.#scenario.partitions.flat().sort(byTime);
    for (const { key, amount, eventTimeMs } of records) {
      this.#input.put(key, encoder.encode(JSON.stringify({ amount })), eventTimeMs);
      const shards = this.#input.open.length;
      if (chance.happens(0.03) && shards < SHARDS_MAX) this.#input.split(chance.integer(0, shards));
      else if (chance.happens(0.03) && shards > 1) this.#input.merge(chance.integer(0, shards - 1));
      yield;
    }
  }
}

function byTime(a: InputRecord, b: InputRecord): number {
  return a.eventTimeMs - b.eventTimeMs;
}

function isWithin(key: string, from: bigint, to: bigint): boolean {
  const hash = hashKeyOf(key);
  return from <= hash && hash <= to;
}
