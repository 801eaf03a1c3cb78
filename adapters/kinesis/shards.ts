/** How shards come out of each other, and which hash keys they hold. */

import { createHash } from "node:crypto";

/** What ListShards says of a shard. */
export interface Shard {
  readonly ShardId?: string | undefined;
  readonly ParentShardId?: string | undefined;
  /** The second parent, when two shards were merged. */
  readonly AdjacentParentShardId?: string | undefined;
  readonly SequenceNumberRange?: { readonly EndingSequenceNumber?: string | undefined } | undefined;
  readonly HashKeyRange?: {
    readonly StartingHashKey?: string | undefined;
    readonly EndingHashKey?: string | undefined;
  } | undefined;
}

/** The names of the shards that `shard` came out of. */
export function parentsOf({ ParentShardId, AdjacentParentShardId }: Shard): readonly string[] {
  return [ParentShardId, AdjacentParentShardId].filter((parent) => parent !== undefined);
}

/** Those that came out of none that is still named: the oldest there are. */
export function rootsOf(shards: readonly Shard[]): readonly Shard[] {
  const known = new Set(shards.map(({ ShardId }) => ShardId));
  return shards.filter((shard) => parentsOf(shard).every((parent) => !known.has(parent)));
}

/**
 * Without shards of a split whose other half is not named yet, and what came out of them: keys of the other half would
 * have nowhere to go.
 */
export function withoutHalves(shards: readonly Shard[]): readonly Shard[] {
  const known = new Map(shards.map((shard) => [shard.ShardId, shard]));
  const children = new Map<string, Shard[]>();
  for (const shard of shards) {
    for (const parent of parentsOf(shard)) children.set(parent, [...children.get(parent) ?? [], shard]);
  }
  const isWhole = (shard: Shard): boolean =>
    parentsOf(shard).every((name) => {
      const parent = known.get(name);
      return parent === undefined || (isCovered(parent, children.get(name)!) && isWhole(parent));
    });
  return shards.filter(isWhole);
}

/** Whether `parts` hold together all hash keys of `shard`. */
function isCovered(shard: Shard, parts: readonly Shard[]): boolean {
  const [start, end] = rangeOf(shard);
  const ranges = parts.map(rangeOf).sort(([a], [b]) => a < b ? -1 : 1);
  let reached = start - 1n;
  for (const [from, to] of ranges) {
    if (from > reached + 1n) return false;
    if (to > reached) reached = to;
  }
  return reached >= end;
}

/** Whether records with the partition key `key` go to `shard`, unless their producers gave explicit hash keys. */
export function holdsKey(shard: Shard, key: string): boolean {
  const [start, end] = rangeOf(shard);
  const hash = hashKeyOf(key);
  return hash >= start && hash <= end;
}

/** The hash keys of a shard, both ends included. */
export function rangeOf({ HashKeyRange }: Shard): readonly [start: bigint, end: bigint] {
  return [BigInt(HashKeyRange?.StartingHashKey ?? 0), BigInt(HashKeyRange?.EndingHashKey ?? 0)];
}

/** The hash key that Kinesis computes for a partition key: 128 bits. */
export function hashKeyOf(key: string): bigint {
  return BigInt("0x" + createHash("md5").update(key).digest("hex"));
}
