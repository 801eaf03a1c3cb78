/** What every source must do; each adapter runs it on a stream that holds the given lines. */

import { assert, assertEquals } from "@std/assert";
import type { ReadLimit, Source, SourcePartition } from "../../adapters/source.ts";
import { type Batch, offsetAt } from "../../engine/batch.ts";
import { payloadAt } from "../../formats/record_payload.ts";

/** A source under test. */
export interface SourceUnderTest extends AsyncDisposable {
  readonly source: Source;
}

const LINES = Array.from({ length: 100 }, (_, i) => JSON.stringify({ i, text: "ü".repeat(i % 5) }));
const IDLE_MS_MAX = 10_000;
const ALL: ReadLimit = { recordsMax: 1000, bytesMax: 1 << 20 };

/** Reads a partition from `from` to its end. */
async function readAll(source: Source, partition: SourcePartition, from: bigint, limit: ReadLimit): Promise<Batch[]> {
  const batches: Batch[] = [];
  for (let position = from;;) {
    const result = await source.read(partition, position, limit);
    if (result.kind === "idle") {
      // Bounded, but it has to ask for its records.
      await source.waitForMore([partition], AbortSignal.timeout(IDLE_MS_MAX));
      continue;
    }
    if (result.kind !== "batch") {
      assertEquals(result.kind, "ended");
      return batches;
    }
    batches.push(result.batch);
    position = result.batch.next;
  }
}

function records(batches: readonly Batch[]): { offset: bigint; value: string }[] {
  return batches.flatMap((batch) =>
    Array.from({ length: batch.count }, (_, row) => ({
      offset: offsetAt(batch, row),
      value: new TextDecoder().decode(payloadAt(batch, row).value!),
    }))
  );
}

/** Runs the suite. */
export function testSource(name: string, open: (lines: readonly string[]) => Promise<SourceUnderTest>): void {
  Deno.test(`${name}: reads every record once, in offset order, and then says that it has ended`, async () => {
    await using under = await open(LINES);
    const [partition] = await under.source.partitions();
    const read = records(await readAll(under.source, partition, await under.source.start(partition), ALL));
    assertEquals(read.map(({ value }) => value), LINES);
    assert(read.every(({ offset }, i) => i === 0 || offset > read[i - 1].offset));
  });

  Deno.test(`${name}: any limit gives the same records, and never more than it allows`, async () => {
    await using under = await open(LINES);
    const [partition] = await under.source.partitions();
    const whole = records(await readAll(under.source, partition, 0n, ALL));
    for (const recordsMax of [1, 7, 99]) {
      const batches = await readAll(under.source, partition, 0n, { ...ALL, recordsMax });
      assert(batches.every(({ count }) => count <= recordsMax));
      assertEquals(records(batches), whole);
    }
    const alone = await readAll(under.source, partition, 0n, { recordsMax: 1000, bytesMax: 10 });
    assert(alone.every(({ count }) => count === 1), "each is larger than the limit, and comes alone");
    assertEquals(records(alone), whole);
  });

  Deno.test(`${name}: reading at an offset includes it (M13), and \`next\` is the position after the last (M2)`, async () => {
    await using under = await open(LINES);
    const [partition] = await under.source.partitions();
    const whole = records(await readAll(under.source, partition, 0n, ALL));
    for (const i of [0, 1, 50, 99]) {
      assertEquals(records(await readAll(under.source, partition, whole[i].offset, ALL)), whole.slice(i));
    }
    const [last] = (await readAll(under.source, partition, 0n, ALL)).slice(-1);
    assert(last.next > whole.at(-1)!.offset);
    assertEquals((await under.source.read(partition, last.next, ALL)).kind, "ended");
  });

  Deno.test(`${name}: asked what it knows, it never says that there is nothing while there is`, async () => {
    await using under = await open(LINES);
    const [partition] = await under.source.partitions();
    const read: Batch[] = [];
    for (let position = await under.source.start(partition);;) {
      const result = await under.source.read(partition, position, { ...ALL, recordsMax: 40, untilKnown: true });
      if (result.kind !== "batch") {
        assertEquals(result.kind, "ended");
        break;
      }
      read.push(result.batch);
      position = result.batch.next;
    }
    assertEquals(records(read).map(({ value }) => value), LINES);
  });

  Deno.test(`${name}: what was read can be verified, and an empty stream ends at once`, async () => {
    await using under = await open(LINES);
    const [partition] = await under.source.partitions();
    for (const { next, anchor } of await readAll(under.source, partition, 0n, { ...ALL, recordsMax: 33 })) {
      await under.source.verify(partition, next, anchor);
    }
    await using empty = await open([]);
    const [other] = await empty.source.partitions();
    assertEquals((await empty.source.read(other, 0n, ALL)).kind, "ended");
  });
}
