/** Ranges without records, such as the end of a closed shard or transaction markers: taken once, by tasks of any size. */

import { assertEquals, assertRejects } from "@std/assert";
import { packRecords } from "../../adapters/memory/source.ts";
import type { ReadResult, Source, SourcePartition } from "../../adapters/source.ts";
import { Sealer } from "../../controller/sealer.ts";
import { emptyBatch } from "../../engine/batch.ts";

/** Each partition answers what is left of its list, and is closed then. */
function sourceOf(answers: Readonly<Record<string, ReadResult[]>>): Source {
  const partitions = Object.keys(answers).map((partition): SourcePartition => ({ stream: "s", partition }));
  return {
    identity: "test",
    isRereadable: true,
    hasEventTime: false,
    partitions: () => Promise.resolve(partitions),
    start: () => Promise.resolve(0n),
    verify: () => Promise.resolve(),
    read: ({ partition }) => Promise.resolve(answers[partition].shift() ?? { kind: "closed" }),
    waitForMore: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

for (const count of [1, 2, 3]) {
  Deno.test(`a range without records is a feed of its own, once, in a task of ${count} partitions`, async () => {
    const names = ["a", "b", "c"].slice(0, count);
    const empty = (partition: string): ReadResult => {
      return { kind: "batch", batch: emptyBatch({ stream: "s", partition }, 5n) };
    };
    const source = sourceOf(Object.fromEntries(names.map((name) => [name, [empty(name)]])));
    const partitions = names.map((partition) => ({ input: "default", stream: "s", partition }));
    const progress = new Map(names.map((name) => [`default/s/${name}`, { position: 0n }]));
    const sealer = new Sealer(partitions, new Map([["default", source]]), progress, () => {});
    const limit = { recordsMax: 10, bytesMax: 1000 };
    const sealed = await sealer.next(limit, 1);
    const ranges = sealed.kind === "feed" ? sealed.feed.ranges : [];
    assertEquals(
      ranges.map(({ partition, to, records }) => [partition, to, records]),
      names.map((name) => [name, 5n, 0]),
    );
    assertEquals((await sealer.next(limit, 2)).kind, "closed");
  });
}

/** A batch of records with these times, at offsets from `first` on. */
function timed(partition: string, first: number, timesMs: readonly number[]): ReadResult {
  const records = timesMs.map((eventTimeMs, i) => ({ value: "0", eventTimeMs, offset: BigInt(first + i) }));
  return { kind: "batch", batch: packRecords("s", partition, records) };
}

Deno.test("what was read before a partition cannot be read any more is sealed before the error is told", async () => {
  const whole = sourceOf({ a: [timed("a", 0, [1, 3])], b: [timed("b", 0, [2, 4])] });
  const isRead = new Set<string>();
  const source: Source = {
    ...whole,
    read(at, from, limit) {
      if (at.partition === "a" && isRead.has("a")) return Promise.reject(new Error("out of reach"));
      isRead.add(at.partition);
      return whole.read(at, from, limit);
    },
  };
  const partitions = ["a", "b"].map((partition) => ({ input: "default", stream: "s", partition }));
  const progress = new Map(partitions.map(({ partition }) => [`default/s/${partition}`, { position: 0n }]));
  const sealer = new Sealer(partitions, new Map([["default", source]]), progress, () => {});
  const limit = { recordsMax: 8, bytesMax: 1000 };
  const sealed = await sealer.next(limit, 1);
  assertEquals(sealed.kind === "feed" && sealed.feed.ranges.map(({ records }) => records), [2, 1]);
  await assertRejects(() => sealer.next(limit, 1), Error, "out of reach");
});

Deno.test("the end of a batch does not cut a feed of several partitions short while more of it is there", async () => {
  const source = sourceOf({
    a: [timed("a", 0, [1, 3]), timed("a", 2, [5, 7, 9])],
    b: [timed("b", 0, [2, 4, 6, 8]), timed("b", 4, [10, 12])],
  });
  const partitions = ["a", "b"].map((partition) => ({ input: "default", stream: "s", partition }));
  const progress = new Map(partitions.map(({ partition }) => [`default/s/${partition}`, { position: 0n }]));
  const sealer = new Sealer(partitions, new Map([["default", source]]), progress, () => {});
  const feeds: string[] = [];
  const limit = { recordsMax: 8, bytesMax: 1000 };
  for (let sealed = await sealer.next(limit, 1); sealed.kind === "feed"; sealed = await sealer.next(limit, 1)) {
    feeds.push(sealed.feed.ranges.map(({ partition, from, to }) => `${partition} ${from}-${to}`).join(", "));
  }
  assertEquals(feeds, ["a 0-4, b 0-4", "a 4-5", "b 4-6"]);
});
