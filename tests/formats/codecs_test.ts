/** Codecs: any value comes back; what others write is read; whatever bytes come, an error or a value, never a crash. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import avsc from "avsc";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { avro, bytes, csv, json, msgpack, text } from "../../processor.ts";
import { canonicalForm, fingerprint, parseSchema } from "../../formats/avro/schema.ts";

const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 15);
console.log(`seed ${SEED}`);
const RUNS = { numRuns: 300, seed: SEED };

const fields = fc.array(fc.string({ unit: "grapheme-ascii" }).map((each) => each + ""), { minLength: 1, maxLength: 6 });
const tricky = fc.array(
  fc.array(fc.constantFrom("a", ",", ";", '"', "'", "\\", "\n", "\r", " ", "é", "\t"), { maxLength: 8 }).map((each) =>
    each.join("")
  ),
  { minLength: 1, maxLength: 5 },
);

const columnsFor = (row: readonly unknown[]) => row.map((_, i) => `c${i}`);
const objectOf = (row: readonly (string | null)[]) => Object.fromEntries(row.map((each, i) => [`c${i}`, each]));

Deno.test("CSV: any row comes back, in any dialect, absent values included", () => {
  const dialects = [{}, { delimiter: ";" }, { delimiter: "\t", quote: "'" }, { escape: "\\" }, { absent: "" }, {
    absent: "NULL",
  }];
  for (const dialect of dialects) {
    const absent = "absent" in dialect;
    const row = fc.oneof(fields, tricky).chain((each) =>
      fc.tuple(...each.map((field) => absent ? fc.constantFrom<string | null>(field, null) : fc.constant(field)))
    );
    fc.assert(
      fc.property(row, (each) => {
        const codec = csv({ columns: columnsFor(each), ...dialect });
        assertEquals(codec.decode(codec.encode(objectOf(each))), objectOf(each));
      }),
      RUNS,
    );
  }
});

Deno.test("CSV: rows are what csv-parse reads, and it reads what is written", () => {
  fc.assert(
    fc.property(fc.oneof(fields, tricky), (each) => {
      const codec = csv({ columns: columnsFor(each) });
      const written = codec.encode(objectOf(each));
      assertEquals(parse(written, { relaxColumnCount: true }) as string[][], written === "" ? [] : [each]);
    }),
    RUNS,
  );
});

Deno.test("CSV: what is no row says what is wrong", () => {
  const codec = csv({ columns: ["a", "b"] });
  assertThrows(() => codec.decode("1"), TypeError, "1 fields, 2 are wanted");
  assertThrows(() => codec.decode('1,"2'), TypeError, "not closed");
  assertThrows(() => codec.decode('"1"x,2'), TypeError, 'comes "x"');
  assertThrows(() => codec.encode({ a: 1 }), TypeError, "field b");
  assertThrows(() => csv({ columns: ["a", "a"] }), TypeError, "different names");
  assertThrows(() => csv({ columns: ["a"], delimiter: "::" }), TypeError, "one character");
  assertThrows(() => csv({ columns: ["a"], delimiter: '"' }), TypeError, "quote as well");
});

const jsonValue = fc.jsonValue({ maxDepth: 4 });

Deno.test("JSON, text, bytes: any value comes back", () => {
  fc.assert(
    fc.property(jsonValue, fc.string(), fc.uint8Array(), (value, line, blob) => {
      assertEquals(JSON.stringify(json<unknown>().decode(json<unknown>().encode(value))), JSON.stringify(value));
      assertEquals(text().decode(text().encode(line)), line);
      assertEquals(bytes().decode(bytes().encode(blob)), blob);
    }),
    RUNS,
  );
});

Deno.test("MessagePack: any value comes back, bytes, times and bigints included", () => {
  fc.assert(
    fc.property(
      jsonValue,
      fc.uint8Array(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      (value, blob, wide) => {
        const given = { value, blob, at: new Date(1_700_000_000_123), wide };
        const codec = msgpack<typeof given>({ bigints: true });
        const back = codec.decode(codec.encode(given)) as typeof given;
        assertEquals(back.blob, blob);
        assertEquals([back.at, back.wide], [given.at, wide]);
        const plain = msgpack<unknown>();
        assertEquals(JSON.stringify(plain.decode(plain.encode(value))), JSON.stringify(value));
      },
    ),
    RUNS,
  );
});

/** A schema that has everything, and values of it. */
const SCHEMA = {
  type: "record",
  name: "Order",
  namespace: "shop",
  fields: [
    { name: "id", type: "string" },
    { name: "cents", type: "long" },
    { name: "count", type: "int", default: 1 },
    { name: "weight", type: ["null", "double"], default: null },
    { name: "ratio", type: "float" },
    { name: "paid", type: "boolean" },
    { name: "blob", type: "bytes" },
    { name: "mark", type: { type: "fixed", name: "Mark", size: 4 } },
    { name: "kind", type: { type: "enum", name: "Kind", symbols: ["NEW", "OLD"], default: "OLD" } },
    { name: "tags", type: { type: "array", items: "string" } },
    { name: "extra", type: { type: "map", values: ["null", "string", "long"] } },
    { name: "parent", type: ["null", "Order"], default: null },
  ],
} as const;

interface Order {
  readonly parent: Order | null;
}

const order = fc.letrec<{ order: Order }>((tie) => ({
  order: fc.record({
    id: fc.string(),
    // Beyond, avsc loses the last bit.
    cents: fc.integer({ min: -(2 ** 50), max: 2 ** 50 }),
    count: fc.integer(),
    weight: fc.option(fc.double({ noNaN: true })),
    ratio: fc.float({ noNaN: true }),
    paid: fc.boolean(),
    blob: fc.uint8Array(),
    mark: fc.uint8Array({ minLength: 4, maxLength: 4 }),
    kind: fc.constantFrom("NEW", "OLD"),
    tags: fc.array(fc.string()),
    extra: fc.dictionary(fc.string(), fc.oneof(fc.constant(null), fc.string(), fc.integer()), {
      noNullPrototype: true,
    }),
    parent: fc.option(tie("order"), { maxDepth: 2, depthIdentifier: "order" }),
  }) as fc.Arbitrary<Order>,
})).order;

Deno.test("Avro: any value comes back, and is written byte for byte as avsc writes it", () => {
  const codec = avro<Order>(SCHEMA);
  const theirs = avsc.Type.forSchema(SCHEMA as never, { wrapUnions: false } as never);
  fc.assert(
    fc.property(order, (value) => {
      const written = codec.encode(value);
      assertEquals(codec.decode(written), value);
      assertEquals(written, Uint8Array.from(theirs.toBuffer(withBuffers(value))));
    }),
    RUNS,
  );
});

function withBuffers(value: unknown): unknown {
  if (value instanceof Uint8Array) return globalThis.Buffer ? Buffer.from(value) : value;
  if (Array.isArray(value)) return value.map(withBuffers);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withBuffers(each)]));
}

Deno.test("Avro: longs of 64 bits come back, as bigints beyond 2^53", () => {
  const codec = avro<number | bigint>("long");
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (wide) => {
      const back = codec.decode(codec.encode(wide));
      assertEquals(BigInt(back as bigint), wide);
      assertEquals(typeof back, Number.isSafeInteger(Number(wide)) ? "number" : "bigint");
    }),
    RUNS,
  );
});

Deno.test("Avro: fingerprints and canonical forms are those of the specification", () => {
  assertEquals(fingerprint(parseSchema("int")).toString(16), "7275d51a3f395c8f");
  assertEquals(fingerprint(parseSchema("null")).toString(16), "63dd24e7cc258f8a");
  assertEquals(
    fingerprint(parseSchema({ type: "fixed", name: "a.Test", size: 1, aliases: ["b"] } as never)),
    fingerprint(parseSchema({ name: "Test", namespace: "a", doc: "x", size: 1, type: "fixed" })),
  );
  assertEquals(
    canonicalForm(parseSchema({ type: "array", items: { type: "string", logicalType: "uuid" } })),
    '{"type":"array","items":"string"}',
  );
  assert(avro(SCHEMA).name.startsWith("avro:"));
  assert(avro(SCHEMA).name !== avro("int").name);
});

Deno.test("Avro: a newer reader reads what an older writer wrote: promotions, defaults, aliases, fields that are gone", () => {
  const old = {
    type: "record",
    name: "T",
    fields: [{ name: "a", type: "int" }, { name: "gone", type: "string" }, { name: "b", type: "long" }],
  };
  const now = {
    type: "record",
    name: "T",
    fields: [
      { name: "renamed", aliases: ["a"], type: "double" },
      { name: "b", type: ["null", "long"] },
      { name: "fresh", type: { type: "array", items: "string" }, default: ["x"] },
    ],
  };
  const written = avro<unknown>(old).encode({ a: 5, gone: "x", b: 7 });
  assertEquals(avro<unknown>(now, { writers: [old] }).decode(written), { renamed: 5, b: 7, fresh: ["x"] });
  const framed = avro<unknown>(old, { frame: "single-object" }).encode({ a: 5, gone: "x", b: 7 });
  const reader = avro<unknown>(now, { frame: "single-object", writers: [old] });
  assertEquals(reader.decode(framed), { renamed: 5, b: 7, fresh: ["x"] });
  assertThrows(() => avro(now, { frame: "single-object" }).decode(framed), TypeError, "no schema is known");
  const registry = avro<unknown>(now, { frame: "confluent", registered: { 7: old }, id: 8 });
  assertEquals(registry.decode(Uint8Array.from([0, 0, 0, 0, 7, ...written])), { renamed: 5, b: 7, fresh: ["x"] });
  assertThrows(() => avro("int", { writers: ["string"] }), TypeError, "string as int");
  assertThrows(
    () => avro({ type: "record", name: "T", fields: [{ name: "new", type: "int" }] }, { writers: [old] }),
    TypeError,
    "no default",
  );
});

Deno.test("Avro: values that do not fit say where", () => {
  assertThrows(() => avro<unknown>(SCHEMA).encode({ id: "x", cents: 1.5 }), TypeError, "value.cents");
  assertThrows(() => avro<unknown>(["int", "string"]).encode(true), TypeError, "no branch");
  assertThrows(() => avro({ type: "record", name: "X", fields: [{ name: "y", type: "Z" }] }), TypeError, '"Z"');
  assertThrows(() => avro(["int", "int"]), TypeError, "different types");
});

Deno.test("decoders answer any bytes with a value or an error, soon", () => {
  const sound = avro<Order>(SCHEMA).encode(fc.sample(order, { numRuns: 1, seed: SEED })[0]);
  const damaged = fc.tuple(fc.nat(sound.length - 1), fc.nat(255)).map(([at, byte]) => {
    const copy = sound.slice();
    copy[at] = byte;
    return copy;
  });
  const codecs = [
    avro<unknown>(SCHEMA),
    avro<unknown>({ type: "array", items: "null" }),
    avro<unknown>(SCHEMA, { frame: "single-object" }),
    msgpack<unknown>(),
  ];
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (any) => {
      for (const codec of codecs) {
        try {
          codec.decode(any);
        } catch (error) {
          assert(error instanceof Error && !/stack|memory/i.test(error.message), String(error));
        }
      }
      try {
        csv({ columns: ["a", "b"] }).decode(new TextDecoder().decode(any));
      } catch (error) {
        assert(error instanceof TypeError);
      }
    }),
    { numRuns: 3000, seed: SEED },
  );
});
