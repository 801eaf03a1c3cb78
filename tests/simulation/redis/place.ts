/** A simulated Redis in a world: input streams, an output stream, restarts, and failovers that lose the last second. */

import type { Sink } from "../../../adapters/sink.ts";
import type { Source } from "../../../adapters/source.ts";
import { RedisSink } from "../../../adapters/redis/sink.ts";
import { RedisSource } from "../../../adapters/redis/source.ts";
import { hostOn } from "../host.ts";
import type { Place, SeenOutput } from "../place.ts";
import { chanceOfInput, type Scenario } from "../scenario.ts";
import { networkOf } from "../world/network.ts";
import { Machine, type World } from "../world/world.ts";
import { fromBytes } from "./resp.ts";
import { SimulatedRedis } from "./simulated_redis.ts";

const PORT = 6379;
const OUTPUT = "out";
const DOWN_MS = { from: 1, to: 2000 };
const LOST_MS_MAX = 1000;
const ADDRESS = { endpoints: [{ host: "127.0.0.1", port: PORT }] };
const encoder = new TextEncoder();

/** See the module. */
export class RedisPlace implements Place {
  readonly redis: SimulatedRedis;
  readonly #world: World;
  readonly #machine: Machine;
  readonly #inputs: readonly string[];
  readonly #scenario: Scenario;
  readonly #written: (readonly string[])[] = [];
  #hasLostAll = false;
  #lostAtMs = -Infinity;

  constructor(world: World, scenario: Scenario) {
    this.#world = world;
    this.#machine = new Machine(world, "redis");
    this.redis = new SimulatedRedis(hostOn(this.#machine));
    networkOf(this.#machine).listen(PORT, {
      machine: this.#machine,
      accept: (connection) => this.redis.accept(connection),
    });
    this.#inputs = scenario.partitions.map((_, partition) => `in${partition}`);
    this.#scenario = scenario;
  }

  *write(): Generator<void> {
    const chance = chanceOfInput(this.#scenario);
    const left = this.#scenario.partitions.map((records, partition) => ({
      stream: `in${partition}`,
      records: [...records],
    }));
    while (left.some(({ records }) => records.length > 0)) {
      const { stream, records } = chance.pick(left.filter(({ records }) => records.length > 0));
      const { key, amount, eventTimeMs } = records.shift()!;
      const fields = ["v", fromBytes(encoder.encode(JSON.stringify({ amount }))), "k", key];
      const id = String(this.redis.do(["XADD", stream, `${eventTimeMs}-*`, ...fields]));
      this.#written.push(["XADD", stream, id, ...fields]);
      yield;
    }
  }

  openSource(isBounded: boolean): Promise<Source> {
    return RedisSource.open({
      address: ADDRESS,
      streams: this.#inputs.map((stream) => ({ stream })),
      fields: { value: "v", key: "k" },
      isBounded,
      start: "earliest",
    });
  }

  openSink(_owner: string, output: string): Promise<Sink> {
    const targets = new Map([[output, { kind: "stream", key: OUTPUT, fields: { value: "v", key: "k" } } as const]]);
    return RedisSink.open({ address: ADDRESS, targets, run: "simulated" });
  }

  outputs(): readonly SeenOutput[] {
    const value = this.redis.keys.get(OUTPUT);
    const entries = value?.type === "stream" ? value.entries : [];
    return entries.map(({ fields }) => {
      const field = (name: string): string => fields[fields.indexOf(name) + 1];
      return { key: field("k"), value: field("v") };
    });
  }

  isSettled(): boolean {
    return true;
  }

  get lostAtMs(): number {
    return this.#lostAtMs;
  }

  hasLostAll(): boolean {
    return this.#hasLostAll;
  }

  trim(): void {
    const { chance } = this.#world;
    const stream = chance.pick(this.#inputs);
    const length = Number(this.redis.do(["XLEN", stream]));
    this.redis.do(["XTRIM", stream, "MAXLEN", String(chance.integer(0, length + 1))]);
  }

  disturb(): void {
    const { chance } = this.#world;
    const isFailover = chance.happens(0.5);
    const before = this.#checkpoints().length;
    const hasLost = isFailover && this.redis.failOver(chance.number() * LOST_MS_MAX);
    if (hasLost) this.#lostAtMs = this.#world.nowMs;
    this.#hasLostAll ||= this.#checkpoints().length < before;
    // Who wrote the input waited for the replica (WAIT): what is there already is refused.
    if (isFailover) { for (const words of this.#written) this.redis.do(words); }
    this.#world.note(`redis ${isFailover ? `fails over${hasLost ? " and has lost the last of it" : ""}` : "restarts"}`);
    if (!isFailover) this.redis.scripts.flush();
    this.redis.isDown = true;
    networkOf(this.#machine).cutAll(({ server }) => server === this.#machine);
    const downMs = chance.skewed(DOWN_MS.from, DOWN_MS.to);
    this.#world.schedule(this.#machine, downMs, "comes up", () => this.redis.isDown = false);
  }

  /** The tasks whose checkpoint is at a feed. */
  #checkpoints(): readonly string[] {
    const isAtFeed = (key: string): boolean => {
      const value = this.redis.keys.get(key);
      return value?.type === "hash" && value.fields.has("seq");
    };
    return this.redis.keys.names().filter(isAtFeed);
  }

  restore(): void {
    this.redis.isDown = false;
  }
}
