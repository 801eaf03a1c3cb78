/** Repeats are told by marks through crashes of the writer and any splits and merges of shards. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type HashRange, Marks } from "../../../adapters/kinesis/marks.ts";
import { hashKeyOf } from "../../../adapters/kinesis/shards.ts";

const KEYS = Array.from({ length: 12 }, (_, i) => `key ${i}`);

interface Written {
  readonly origin: string;
  readonly seq: number;
  readonly index: number;
  readonly key: string;
}

interface ModelShard {
  readonly range: HashRange;
  readonly parents: readonly ModelShard[];
  readonly log: Written[];
}

/** A stream whose shards are split and merged. */
class ModelStream {
  readonly shards: ModelShard[] = [];
  open: ModelShard[] = [];

  constructor() {
    this.#add([0n, 2n ** 128n - 1n], []);
  }

  #add(range: HashRange, parents: readonly ModelShard[]): void {
    const shard = { range, parents, log: [] };
    this.shards.push(shard);
    this.open = [...this.open.filter((each) => !parents.includes(each)), shard]
      .sort((a, b) => a.range[0] < b.range[0] ? -1 : 1);
  }

  split(at: number): void {
    const shard = this.open[at % this.open.length];
    const [start, end] = shard.range;
    const middle = (start + end) / 2n;
    this.#add([start, middle], [shard]);
    this.#add([middle + 1n, end], [shard]);
  }

  merge(at: number): void {
    if (this.open.length < 2) return;
    const [low, high] = this.open.slice(at % (this.open.length - 1));
    this.#add([low.range[0], high.range[1]], [low, high]);
  }

  /** Writes the outputs of each shard in order, as many of them as `share` says. */
  write(outputs: readonly Written[], shares: readonly number[]): void {
    this.open.forEach((shard, i) => {
      const own = outputs.filter(({ key }) => holds(shard.range, key));
      shard.log.push(...own.slice(0, Math.ceil(own.length * (shares[i % shares.length] ?? 1))));
    });
  }
}

function holds([start, end]: HashRange, key: string): boolean {
  const hash = hashKeyOf(key);
  return hash >= start && hash <= end;
}

/** What a reader takes of each shard, parents first. */
function read({ shards }: ModelStream): Written[] {
  const ends = new Map<ModelShard, Marks>();
  return shards.flatMap((shard) => {
    const parents = shard.parents.map((parent) => ({ range: parent.range, marks: ends.get(parent)! }));
    // As the journal keeps them.
    const marks = parents.length === 0 ? new Marks() : Marks.fromJson(Marks.inherit(parents).toJson());
    ends.set(shard, marks);
    return shard.log.filter(({ origin, seq, index, key }) => !marks.note(origin, seq, index, () => key));
  });
}

const attempt = fc.record({
  shares: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 4 }),
  change: fc.constantFrom("split", "merge", "none"),
  at: fc.nat(20),
});
const feed = fc.record({
  origin: fc.constantFrom("a", "b"),
  keys: fc.array(fc.constantFrom(...KEYS), { maxLength: 8 }),
  attempts: fc.array(attempt, { maxLength: 4 }),
});

Deno.test("each output is read once, in the order of its key, however often it was written and wherever its shard went", () => {
  fc.assert(
    fc.property(fc.array(feed, { maxLength: 12 }), (feeds) => {
      const stream = new ModelStream();
      const seqs = new Map<string, number>();
      const wanted: Written[] = [];
      for (const { origin, keys, attempts } of feeds) {
        const seq = (seqs.get(origin) ?? -1) + 1;
        seqs.set(origin, seq);
        const outputs = keys.map((key, index) => ({ origin, seq, index, key }));
        for (const { shares, change, at } of attempts) {
          stream.write(outputs, shares);
          if (change === "split") stream.split(at);
          if (change === "merge") stream.merge(at);
        }
        stream.write(outputs, [1]);
        wanted.push(...outputs);
      }
      const found = read(stream);
      for (const key of KEYS) {
        for (const origin of ["a", "b"]) {
          const of = (all: readonly Written[]) => all.filter((each) => each.key === key && each.origin === origin);
          assertEquals(of(found), of(wanted));
        }
      }
    }),
    { numRuns: 1000 },
  );
});
