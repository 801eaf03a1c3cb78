/** Outputs in aggregated records, those for one shard together, and what to write again when shards have changed. */

import { AggregateBuilder } from "./aggregate_builder.ts";
import type { HashRange } from "./marks.ts";
import type { PutEntry } from "./ordered_puts.ts";
import type { StreamOutput } from "./outputs.ts";
import type { ShardMap } from "./shard_map.ts";
import { holdsKey, type Shard } from "./shards.ts";

/** An aggregated record for a shard. */
export interface OutputAggregate extends PutEntry {
  readonly shard: string;
  readonly outputs: readonly StreamOutput[];
}

/** One that came to another shard than the one it was for. */
export interface PlacedAggregate extends OutputAggregate {
  readonly placedIn: string;
}

/** Aggregates of `outputs`; each shard's are a lane. */
export function aggregatesOf(outputs: readonly StreamOutput[], map: ShardMap, bytesMax: number): OutputAggregate[] {
  const aggregates: OutputAggregate[] = [];
  for (const [shard, those] of Map.groupBy(outputs, ({ key }) => map.shardOf(key))) {
    for (const part of partsOf(those, bytesMax, shard && [shard.start, shard.end])) {
      const [{ key }] = part.outputs;
      // Without a map the key decides; where it goes is seen from the answer.
      const to = shard
        ? { lane: shard.name, shard: shard.name, hashKey: String(shard.start) }
        : { lane: "", shard: "" };
      aggregates.push({ ...part, key, ...to });
    }
  }
  return aggregates;
}

interface Part {
  readonly data: Uint8Array;
  readonly outputs: readonly StreamOutput[];
}

function* partsOf(outputs: readonly StreamOutput[], bytesMax: number, range?: HashRange): Generator<Part> {
  let builder = new AggregateBuilder(bytesMax, range);
  let taken: StreamOutput[] = [];
  for (const output of outputs) {
    if (!builder.add(output)) {
      yield { data: builder.finish(), outputs: taken };
      builder = new AggregateBuilder(bytesMax, range);
      taken = [];
      builder.add(output);
    }
    taken.push(output);
  }
  if (taken.length > 0) yield { data: builder.finish(), outputs: taken };
}

/** The outputs whose keys do not belong to the shard that they came to; those of unknown shards all. */
export function misplaced(aggregates: readonly PlacedAggregate[], shards: readonly Shard[]): readonly StreamOutput[] {
  const byName = new Map(shards.map((shard) => [shard.ShardId, shard]));
  return aggregates.flatMap(({ placedIn, outputs }) => {
    const shard = byName.get(placedIn);
    return outputs.filter(({ key }) => !shard || !holdsKey(shard, key));
  });
}
