/** The passes of WebAssembly over a feed beside the same digests record by record, as `engine/digest.ts` has them. */

import { assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { type DigestMemory, withDigestMemory } from "../../controller/digest_memory.ts";
import { digestFeed, type UnitsDid } from "../../controller/digests.ts";
import { ABSENT, type Batch } from "../../engine/batch.ts";
import { Digest, toHex } from "../../engine/digest.ts";
import { type Feed, packFeed, type Segment } from "../../engine/feed.ts";
import { originHash } from "../../engine/text_batch.ts";
import { traceEntries } from "../../engine/trace.ts";

const encoder = new TextEncoder();

interface Row {
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string | null])[];
}

interface Given {
  readonly batches: readonly { readonly rows: readonly Row[]; readonly width: number; readonly hasHeaders: boolean }[];
  readonly cuts: readonly number[];
  readonly units: readonly GivenUnit[];
  readonly changes: readonly { readonly key: string; readonly json: string | null }[];
}

interface GivenUnit {
  readonly isTimer: boolean;
  readonly outputs: readonly GivenOutput[];
  readonly trace: readonly GivenEntry[];
}

interface GivenOutput {
  readonly key: string | null;
  readonly value: string | null;
  readonly timeMs: number;
  readonly name: number;
  readonly extra: { readonly partition: number; readonly headers: string | null } | null;
}

/** A number is about a change; `null` deletes its key. */
type GivenEntry = { readonly kind: number; readonly subject: string; readonly detail: string } | {
  readonly change: number;
  readonly number: number | null;
};

const text = fc.string({ unit: "binary", maxLength: 40 }).filter((each) => each.isWellFormed());
const maybeText = fc.option(text, { nil: null, freq: 4 });
const row = fc.record({
  key: maybeText,
  value: maybeText,
  headers: fc.array(fc.tuple(text, maybeText), { maxLength: 2 }),
});
const output = fc.record({
  key: maybeText,
  value: maybeText,
  timeMs: fc.integer({ min: -8.64e15, max: 8.64e15 }),
  name: fc.nat(3),
  extra: fc.option(fc.record({ partition: fc.integer({ min: -1, max: 9 }), headers: maybeText }), {
    nil: null,
    freq: 2,
  }),
});
const number = fc.oneof(fc.nat(12), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger());
const entry: fc.Arbitrary<GivenEntry> = fc.oneof(
  fc.record({ kind: fc.nat(6), subject: text, detail: text }),
  fc.record({ change: fc.nat(1000), number: fc.option(number, { nil: null }) }),
);
const given: fc.Arbitrary<Given> = fc.record({
  batches: fc.array(
    fc.record({
      rows: fc.array(row, { maxLength: 6 }),
      width: fc.constantFrom(1, 2, 3, 6),
      hasHeaders: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
  cuts: fc.array(fc.nat(3), { maxLength: 8 }),
  units: fc.array(
    fc.record({
      isTimer: fc.boolean(),
      outputs: fc.array(output, { maxLength: 3 }),
      trace: fc.array(entry, { maxLength: 3 }),
    }),
    { maxLength: 20 },
  ),
  changes: fc.array(fc.record({ key: text, json: maybeText }), { minLength: 1, maxLength: 5 }),
});

function batchOf({ rows, width, hasHeaders }: Given["batches"][number], index: number): Batch {
  const payload = new Packed();
  const headers = new Packed();
  const ranges = rows.flatMap(({ key, value }) => [...payload.range(key), ...payload.range(value)]);
  const starts = [0];
  const headerRanges = rows.flatMap((each) => {
    starts.push(starts.at(-1)! + each.headers.length);
    return each.headers.flatMap(([name, value]) => [...headers.range(name), ...headers.range(value)]);
  });
  return {
    stream: `stream ${index}`,
    partition: "0",
    count: rows.length,
    bytes: payload.bytes(),
    ranges: Uint32Array.from(ranges),
    offsetWords: Uint32Array.from({ length: width * rows.length }, (_, i) => Math.imul(i + index, 0x9e3779b1)),
    offsetWidth: width,
    next: 0n,
    ...hasHeaders && {
      headers: { bytes: headers.bytes(), starts: Uint32Array.from(starts), ranges: Uint32Array.from(headerRanges) },
    },
  };
}

class Packed {
  #bytes: number[] = [];

  range(part: string | null): readonly number[] {
    if (part === null) return [ABSENT, ABSENT];
    const start = this.#bytes.length;
    this.#bytes.push(...encoder.encode(part));
    return [start, this.#bytes.length];
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes);
  }
}

const REST = { timeMs: 0, input: "default" };

/** The rows of all batches, in turn from the batch that a cut names. */
function feedOf({ batches, cuts }: Given): Feed {
  const packed = batches.map(batchOf);
  const done = packed.map(() => 0);
  const segments: Segment[] = [];
  const add = (batch: number, rows: number): void => {
    const fromRow = done[batch];
    done[batch] = Math.min(fromRow + rows, packed[batch].count);
    if (done[batch] > fromRow) segments.push({ batch, fromRow, toRow: done[batch], ...REST });
  };
  for (const [turn, rows] of cuts.entries()) if (packed.length > 0) add(turn % packed.length, rows);
  for (const batch of packed.keys()) add(batch, packed[batch].count);
  return { seq: 0, batches: packed, segments };
}

function didOf({ units, changes }: Given, records: number): UnitsDid {
  let record = 0;
  const outputs = units.flatMap((unit) => unit.outputs);
  const trace = units.flatMap((unit) => unit.trace);
  const ends = (of: "outputs" | "trace") => {
    let end = 0;
    return Int32Array.from(units, (unit) => end += unit[of].length);
  };
  return {
    units: {
      records: Int32Array.from(units, ({ isTimer }) => isTimer || record >= records ? -1 : record++),
      outputEnds: ends("outputs"),
      traceEnds: ends("trace"),
    },
    outputs: packOutputs(outputs),
    trace: packTrace(trace, changes.length),
    changes: {
      text: changes.map(({ key, json }) => key + (json ?? "")).join(""),
      lengths: Int32Array.from(changes.flatMap(({ key, json }) => [key.length, json === null ? -1 : json.length])),
    },
  };
}

function lengthOf(part: string | null): number {
  return part === null ? -1 : encoder.encode(part).length;
}

function packOutputs(outputs: readonly GivenOutput[]): UnitsDid["outputs"] {
  const extras = outputs.flatMap(({ extra }, index) => extra ? [{ ...extra, index }] : []);
  return {
    count: outputs.length,
    values: encoder.encode(outputs.map(({ value }) => (value ?? "") + "\n").join("")),
    keys: encoder.encode(outputs.map(({ key }) => key ?? "").join("")),
    valueLengths: Int32Array.from(outputs, ({ value }) => lengthOf(value)),
    keyLengths: Int32Array.from(outputs, ({ key }) => lengthOf(key)),
    timesMs: Float64Array.from(outputs, ({ timeMs }) => timeMs),
    names: Int32Array.from(outputs, ({ name }) => name),
    isSingleLine: true,
    ...extras.length > 0 && {
      extras: {
        rows: Int32Array.from(extras, ({ index }) => index),
        partitions: Int32Array.from(extras, ({ partition }) => partition),
        headers: encoder.encode(extras.map(({ headers }) => headers ?? "").join("")),
        headerLengths: Int32Array.from(extras, ({ headers }) => lengthOf(headers)),
      },
    },
  };
}

function packTrace(entries: readonly GivenEntry[], changes: number): UnitsDid["trace"] {
  return {
    text: entries.map((each) => "change" in each ? "" : each.subject + each.detail),
    kinds: Int32Array.from(entries, (each) => "change" in each ? each.number === null ? 1 : 0 : each.kind),
    subjectLengths: Int32Array.from(
      entries,
      (each) => "change" in each ? -1 - each.change % changes : each.subject.length,
    ),
    detailLengths: Int32Array.from(entries, (each) => "change" in each ? 0 : each.detail.length),
    numbers: Float64Array.from(
      entries.flatMap((each) => "change" in each && each.number !== null ? [each.number] : []),
    ),
  };
}

/** What is hashed, and in which order. */
function digestPlainly(given: Given, feed: Feed, did: UnitsDid, chain: Digest) {
  const rows = feed.segments.flatMap(({ batch, fromRow, toRow }) =>
    Array.from({ length: toRow - fromRow }, (_, i) => [batch, fromRow + i] as const)
  );
  const entries = traceEntries(did.trace, did.changes);
  const input = new Digest();
  const unitDigests: number[] = [];
  let at = 0;
  let entryAt = 0;
  for (const [index, unit] of given.units.entries()) {
    const digest = new Digest();
    if (did.units.records[index] >= 0) {
      const [batch, row] = rows[at++];
      absorbRow(feed.batches[batch], row, given.batches[batch], digest);
      input.updateDigest(digest);
    }
    for (const each of unit.outputs) absorbOutput(each, did.outputs.extras !== undefined, digest);
    for (let i = 0; i < unit.trace.length; i++) {
      const { subject, detail } = entries[entryAt];
      digest.updateWords(did.trace.kinds[entryAt++], subject.length, detail.length, 0);
      absorb(subject + detail, digest);
    }
    chain.updateDigest(digest);
    unitDigests.push(digest.h1 >>> 0);
  }
  return { unitDigests: Uint32Array.from(unitDigests), inputDigest: input.toBytes() };
}

function absorb(part: string, digest: Digest): void {
  const bytes = encoder.encode(part);
  digest.update(new DataView(bytes.buffer, bytes.byteOffset), 0, bytes.length);
}

function absorbRow(batch: Batch, row: number, { rows, width, hasHeaders }: Given["batches"][number], digest: Digest) {
  for (let word = 0; word < width; word += 2) {
    const at = row * width + word;
    digest.updateWords(originHash(batch), batch.offsetWords[at], batch.offsetWords[at + 1] ?? 0, word);
  }
  for (const part of [rows[row].key, rows[row].value]) if (part !== null) absorb(part, digest);
  if (!hasHeaders) return;
  for (const part of rows[row].headers.flat()) {
    if (part === null) digest.updateWords(-1, 0, 0, 0);
    else absorb(part, digest);
  }
}

function absorbOutput({ key, value, timeMs, name, extra }: GivenOutput, hasExtras: boolean, digest: Digest): void {
  digest.updateWords(name, lengthOf(key), timeMs | 0, Math.floor(timeMs / 0x100000000));
  if (key) absorb(key, digest);
  if (value === null) digest.updateWords(-1, 0, 0, 0);
  else absorb(value, digest);
  if (!extra || !hasExtras) return;
  digest.updateWords(extra.partition, lengthOf(extra.headers), 0, 0);
  if (extra.headers) absorb(extra.headers, digest);
}

Deno.test("a feed is digested as its records are one by one: headers, timers, absent parts, any text, any number", () => {
  const chains = [new Digest(), new Digest()];
  fc.assert(
    fc.property(given, (each) => {
      const feed = feedOf(each);
      const did = didOf(each, feed.segments.reduce((sum, { fromRow, toRow }) => sum + toRow - fromRow, 0));
      assertEquals(digestFeed(packFeed(feed), did, chains[0]), digestPlainly(each, feed, did, chains[1]));
      assertEquals(toHex(chains[0].toBytes()), toHex(chains[1].toBytes()));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("no time, name or key of an output, and no kind or number of a trace, can change unseen", () => {
  fc.assert(
    fc.property(given, fc.nat(), (each, which) => {
      const feed = feedOf(each);
      const did = didOf(each, feed.segments.reduce((sum, { fromRow, toRow }) => sum + toRow - fromRow, 0));
      const before = toHex(chainOf(feed, did));
      const { outputs: { timesMs, names, keys }, trace: { kinds, numbers } } = did;
      const columns = [timesMs, names, keys, kinds, numbers!];
      const column = columns[which % columns.length];
      if (column.length === 0) return;
      const at = which % column.length;
      column[at] = column[at] === 1 ? 2 : 1;
      assertNotEquals(toHex(chainOf(feed, did)), before);
    }),
    { numRuns: 300 },
  );
});

function chainOf(feed: Feed, did: UnitsDid): Uint8Array {
  const chain = new Digest();
  digestFeed(packFeed(feed), did, chain);
  return chain.toBytes();
}

Deno.test("a memory that grew for a feed of a hundred megabytes is given up with it", () => {
  const seen: DigestMemory[] = [];
  const use = (bytes: number) =>
    withDigestMemory((memory) => {
      seen.push(memory);
      memory.put(new Uint8Array(bytes));
    });
  for (const bytes of [1, 1000, 100_000_000, 1]) use(bytes);
  assertEquals(seen[0], seen[2]);
  assertEquals(seen[0] === seen[3], false);
});
