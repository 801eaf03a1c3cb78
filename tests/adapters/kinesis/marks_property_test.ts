/** Repeats are told by marks through crashes of the writer and any splits and merges of shards. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type HashRange, Marks } from "../../../adapters/kinesis/marks.ts";
import { hashKeyOf } from "../../../adapters/kinesis/shards.ts";

const KEYS = Array.from({ length: 12 }, (_, i) => `key ${i}`);

interface Output {
  readonly origin: string;
  readonly seq: number;
  readonly index: number;
  readonly key: string;
}

interface Written extends Output {
  /** The hash keys that it was written for. */
  readonly range: HashRange;
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

  /**
   * Writes outputs by what the writer knows of the shards: for each range in order, as many of them as `share` says. Answers
   * those that came to a shard that does not have their keys.
   */
  write(outputs: readonly Output[], map: readonly HashRange[], shares: readonly number[]): readonly Output[] {
    return map.flatMap((range, i) => {
      const own = outputs.filter(({ key }) => holds(range, key));
      const shard = this.open.find(({ range: [start, end] }) => range[0] >= start && range[0] <= end)!;
      const written = own.slice(0, Math.ceil(own.length * (shares[i % shares.length] ?? 1)));
      shard.log.push(...written.map((output) => ({ ...output, range })));
      return written.filter(({ key }) => !holds(shard.range, key));
    });
  }
}

function holds([start, end]: HashRange, key: string): boolean {
  const hash = hashKeyOf(key);
  return hash >= start && hash <= end;
}

/** What a reader takes of each shard, parents first. */
function read({ shards }: ModelStream): Output[] {
  const ends = new Map<ModelShard, Marks>();
  return shards.flatMap((shard) => {
    const parents = shard.parents.map((parent) => ({ range: parent.range, marks: ends.get(parent)! }));
    // As the journal keeps them.
    const marks = parents.length === 0 ? new Marks() : Marks.fromJson(Marks.inherit(parents, shard.range).toJson());
    ends.set(shard, marks);
    return shard.log.filter(({ origin, seq, index, key, range }) => {
      return holds(shard.range, key) && !marks.lane(origin, range).note(seq, index, () => key);
    });
  });
}

const attempt = fc.record({
  shares: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 4 }),
  change: fc.constantFrom("split", "merge", "none"),
  at: fc.nat(20),
  restarts: fc.boolean(),
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
      const wanted: Output[] = [];
      const mapOf = () => stream.open.map(({ range }) => range);
      const maps = new Map<string, readonly HashRange[]>();
      for (const { origin, keys, attempts } of feeds) {
        const seq = (seqs.get(origin) ?? -1) + 1;
        seqs.set(origin, seq);
        const outputs = keys.map((key, index) => ({ origin, seq, index, key }));
        // Each writer looks at the shards when something came astray, or when it is started again.
        let map = maps.get(origin) ?? mapOf();
        for (const { shares, change, at, restarts } of attempts) {
          stream.write(outputs, map, shares);
          if (change === "split") stream.split(at);
          if (change === "merge") stream.merge(at);
          if (restarts) map = mapOf();
        }
        for (let left: readonly Output[] = outputs; left.length > 0;) {
          left = stream.write(left, map, [1]);
          if (left.length > 0) map = mapOf();
        }
        maps.set(origin, map);
        wanted.push(...outputs);
      }
      const found = read(stream);
      for (const key of KEYS) {
        for (const origin of ["a", "b"]) {
          const of = (all: readonly Output[]) => all.filter((each) => each.key === key && each.origin === origin);
          assertEquals(
            of(found).map(({ seq, index }) => [seq, index]),
            of(wanted).map(({ seq, index }) => [seq, index]),
          );
        }
      }
    }),
    { numRuns: 1000 },
  );
});
