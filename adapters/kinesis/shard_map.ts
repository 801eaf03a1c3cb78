/** Which open shard takes a key, as KPL and consumers see it: by the MD5 of the key. */

import { hashKeyOf, rangeOf, type Shard } from "./shards.ts";

/** An open shard. */
export interface OpenShard {
  readonly name: string;
  readonly start: bigint;
  readonly end: bigint;
}

/** Keys whose shard is remembered. */
const KEYS_KEPT_MAX = 100_000;

/** The open shards of a stream at one time. */
export class ShardMap {
  readonly #shards: readonly OpenShard[];
  readonly #known = new Map<string, OpenShard>();

  /** @param shards all of a stream; the closed ones are passed over */
  constructor(shards: readonly Shard[]) {
    this.#shards = shards
      .filter(({ SequenceNumberRange }) => SequenceNumberRange?.EndingSequenceNumber === undefined)
      .map((shard) => {
        const [start, end] = rangeOf(shard);
        return { name: shard.ShardId!, start, end };
      })
      .sort((a, b) => a.start < b.start ? -1 : 1);
  }

  /** The shard that takes `key`; undefined while shards are changing. */
  shardOf(key: string): OpenShard | undefined {
    if (this.#shards.length === 1) return this.#shards[0];
    const known = this.#known.get(key);
    if (known) return known;
    const hash = hashKeyOf(key);
    const shard = this.#shards.findLast(({ start }) => start <= hash);
    if (!shard || shard.end < hash) return undefined;
    if (this.#known.size >= KEYS_KEPT_MAX) this.#known.clear();
    this.#known.set(key, shard);
    return shard;
  }
}
