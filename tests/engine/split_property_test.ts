/**
 * I6: any split of the same records into feeds gives the same outputs, state and digests; with several partitions,
 * timers, random numbers, effects and failures, across rebirths.
 */

import { assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import type { Cell } from "../../controller/sandbox/cell.ts";
import { type MemoryRecord, MemorySource } from "../../adapters/memory/source.ts";
import { digestFeed } from "../../controller/digests.ts";
import { Sealer } from "../../controller/sealer.ts";
import { Digest, toHex } from "../../engine/digest.ts";
import { packFeed } from "../../engine/feed.ts";
import { codeOf, openCell } from "../support/cells.ts";

const PROCESSOR = `
import { defineProcessor, json } from "@sluice/sluice/processor";
export default defineProcessor({
  name: "everything", input: json<{ n: number }>(), output: json<unknown>(),
  onStart(context) { context.state.set("started", context.now); },
  async process({ value, key, offset, partition }, context) {
    const count = (context.state.get<number>("count:" + partition) ?? 0) + 1;
    context.state.set("count:" + partition, count);
    if (value.n % 5 === 0) context.timers.set("t" + value.n % 3, context.now + 40);
    if (value.n % 11 === 0) context.state.delete("count:" + partition);
    const price = value.n % 7 === 0 ? await context.effect("price", value.n) : null;
    if (value.n % 13 === 12) throw new RangeError("unlucky " + value.n);
    if (value.n % 3 === 0) console.log("three", value.n);
    context.emit({ key, value: { n: value.n, offset: String(offset), count, price, random: Math.random(), id: context.uuid(), at: context.now } });
  },
  onTimer({ key, atMs }, context) { context.emit({ value: { key, atMs, random: context.random("timer") } }); },
  onEnd(context) { context.emit({ value: { keys: context.state.keys(), started: context.state.get("started") } }); },
});`;

const code = await codeOf(PROCESSOR);

interface Outcome {
  readonly outputs: string;
  readonly chain: string;
  readonly state: string;
}

type Partitions = readonly (readonly MemoryRecord[])[];

async function runSplit(
  partitions: Partitions,
  sizes: readonly number[],
  rebirths: readonly boolean[],
): Promise<Outcome> {
  let cell = openCell(code, { clock: "event", onError: "skip" });
  const names = partitions.map((_records, i) => String(i));
  const source = new MemorySource("numbers", Object.fromEntries(partitions.map((records, i) => [i, records])));
  const sealer = new Sealer(
    names.map((partition) => ({ input: "default", stream: "numbers", partition })),
    new Map([["default", source]]),
    new Map(names.map((partition) => [`default/numbers/${partition}`, { position: 0n }])),
    () => {
      throw new Error("memory has no gaps");
    },
  );
  let outputs = "";
  const chain = new Digest();
  const changes = new Map<string, string>();
  for (let seq = 0;; seq++) {
    const sealed = await sealer.next({ recordsMax: sizes[seq % sizes.length], bytesMax: 1 << 20 }, 1_000_000 + seq);
    if (sealed.kind === "idle") throw new Error("a bounded source is never idle");
    const end = sealed.kind === "ended";
    const feed = sealed.kind !== "feed" ? { seq, batches: [], segments: [], end } : { seq, ...sealed.feed };
    // A cell takes its buffers over, as a message between threads would give it copies.
    cell.begin(structuredClone(feed));
    const fed = finish(cell);
    outputs += new TextDecoder().decode(fed.outputs.values);
    digestFeed(packFeed(feed), fed, chain);
    applyChanges(changes, fed.changes);
    if (end) break;
    if (rebirths[seq % rebirths.length]) cell = cell.reborn();
  }
  return { outputs, chain: toHex(chain.toBytes()), state: JSON.stringify([...changes].sort()) };
}

function finish(cell: Cell) {
  while (cell.step(() => {}) === "waiting") {
    cell.deliver(cell.takeRequests().map(({ id, inputJson }) => ({ id, ok: true, text: `{"of":${inputJson}}` })));
  }
  return cell.takeFed();
}

function applyChanges(state: Map<string, string>, { text, lengths }: { text: string; lengths: Int32Array }): void {
  let at = 0;
  for (let i = 0; i < lengths.length; i += 2) {
    const key = text.slice(at, at += lengths[i]);
    if (lengths[i + 1] < 0) state.delete(key);
    else state.set(key, text.slice(at, at += lengths[i + 1]));
  }
}

const record = fc.record({ n: fc.nat(1000), gapMs: fc.nat(30), key: fc.option(fc.string(), { nil: null }) });
const partitions = fc.array(fc.array(record, { maxLength: 40 }), { minLength: 1, maxLength: 3 })
  .map((all) =>
    all.map((records) => {
      let eventTimeMs = 1_700_000_000_000;
      return records.map(({ n, gapMs, key }) => ({
        key,
        value: JSON.stringify({ n }),
        eventTimeMs: eventTimeMs += gapMs,
      }));
    })
  );

Deno.test("any split into feeds gives the same outputs, state and digest chain", async () => {
  await fc.assert(
    fc.asyncProperty(
      partitions,
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
      async (all, sizes, rebirths) => {
        const whole = await runSplit(all, [10_000], [false]);
        assertEquals(await runSplit(all, sizes, rebirths), whole);
      },
    ),
    { numRuns: 60, verbose: 1 },
  );
});

Deno.test("the digest chain changes when one input byte, one time or one key changes", async () => {
  const base: Partitions = [[{ value: '{"n":1}', eventTimeMs: 1 }, { value: '{"n":2}', eventTimeMs: 2 }]];
  const { chain } = await runSplit(base, [10], [false]);
  const variants: Partitions[] = [
    [[{ value: '{"n":1 }', eventTimeMs: 1 }, base[0][1]]],
    [[{ value: '{"n":1}', eventTimeMs: 1.5 }, base[0][1]]],
    [[{ value: '{"n":1}', eventTimeMs: 1, key: "" }, base[0][1]]],
    [[base[0][0], { value: '{"n":3}', eventTimeMs: 2 }]],
  ];
  for (const variant of variants) assertNotEquals((await runSplit(variant, [10], [false])).chain, chain);
});
