/** How shards come out of each other. */

import { assert, assertEquals } from "@std/assert";
import { holdsKey, rangeOf, rootsOf, type Shard, withoutHalves } from "../../../adapters/kinesis/shards.ts";

const ALL = 2n ** 128n - 1n;

function shard(name: string, [start, end]: readonly [bigint, bigint], ...parents: readonly string[]): Shard {
  return {
    ShardId: name,
    ParentShardId: parents[0],
    AdjacentParentShardId: parents[1],
    HashKeyRange: { StartingHashKey: String(start), EndingHashKey: String(end) },
  };
}

const names = (shards: readonly Shard[]) => shards.map(({ ShardId }) => ShardId);

Deno.test("a half whose other half is not named yet is left out, and what came out of it", () => {
  const parent = shard("p", [0n, ALL]);
  const low = shard("low", [0n, 99n], "p");
  const high = shard("high", [100n, ALL], "p");
  const child = shard("child", [0n, 99n], "low");
  assertEquals(names(withoutHalves([parent, low, child])), ["p"]);
  assertEquals(names(withoutHalves([parent, high])), ["p"]);
  assertEquals(names(withoutHalves([parent, low, high, child])), ["p", "low", "high", "child"]);
});

Deno.test("both parents of a merge are covered by its one child, and a parent that is gone asks for nothing", () => {
  const low = shard("low", [0n, 99n]);
  const high = shard("high", [100n, ALL]);
  const merged = shard("merged", [0n, ALL], "low", "high");
  assertEquals(names(withoutHalves([low, high, merged])), ["low", "high", "merged"]);
  assertEquals(names(withoutHalves([merged])), ["merged"]);
  assertEquals(names(rootsOf([merged])), ["merged"]);
  assertEquals(names(rootsOf([low, merged])), ["low"]);
});

Deno.test("a key belongs to one of the shards, by its MD5 as a number of 128 bits, largest byte first", () => {
  // RFC 1321: the digest of "abc" is 900150983cd24fb0d6963f7d28e17f72.
  const hash = 0x900150983cd24fb0d6963f7d28e17f72n;
  assert(holdsKey(shard("it", [hash, hash]), "abc"));
  assert(!holdsKey(shard("below", [0n, hash - 1n]), "abc"));
  assert(!holdsKey(shard("above", [hash + 1n, ALL]), "abc"));
  assertEquals(rangeOf(shard("it", [5n, 7n])), [5n, 7n]);
});
