/** Which shards may be read: a child only after all of its parents were read to their ends, or keys lose their order. */

/** What ListShards says of a shard. */
export interface Shard {
  readonly ShardId?: string | undefined;
  readonly ParentShardId?: string | undefined;
  /** The second parent, when two shards were merged. */
  readonly AdjacentParentShardId?: string | undefined;
}

/**
 * The shards that may be read, in the order of their names. `shards` are all that ListShards names, closed ones too;
 * `finished` are those whose end is committed: not merely read, or a crash in between would let a child overtake.
 *
 * A parent that ListShards does not name any more was removed by retention: there is nothing left to wait for.
 */
export function readableShards(shards: readonly Shard[], finished: ReadonlySet<string>): readonly string[] {
  const known = new Set(shards.map(({ ShardId }) => ShardId));
  const isDone = (parent: string | undefined) => parent === undefined || finished.has(parent) || !known.has(parent);
  return shards
    .filter(({ ParentShardId, AdjacentParentShardId }) => isDone(ParentShardId) && isDone(AdjacentParentShardId))
    .map(({ ShardId }) => ShardId!)
    .sort();
}

/** Whether a shard came out of others that are still named: it is read from its beginning, wherever the run began. */
export function isChild({ ParentShardId, AdjacentParentShardId }: Shard, shards: readonly Shard[]): boolean {
  const known = new Set(shards.map(({ ShardId }) => ShardId));
  return [ParentShardId, AdjacentParentShardId].some((parent) => parent !== undefined && known.has(parent));
}
