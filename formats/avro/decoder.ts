/** From bytes of the writer's type to values of the reader's: Avro's schema resolution. */

import type { AvroReader } from "./binary.ts";
import type { AvroField, AvroType, EnumType, RecordType } from "./schema.ts";

/** Reads one value. */
export type Decoder = (reader: AvroReader) => unknown;

/**
 * What reads values that `writer` describes, as `reader` wants them.
 *
 * @throws {TypeError} when no value of the one can be one of the other
 */
export function decoderFor(writer: AvroType, reader: AvroType): Decoder {
  return build(writer, reader, new Map());
}

/** Records that hold themselves: what reads them is known before it is built. */
type Building = Map<AvroType, Map<AvroType, { decode: Decoder }>>;

function build(writer: AvroType, reader: AvroType, building: Building): Decoder {
  if (writer.kind === "union") return unionDecoder(writer.branches, reader, building);
  if (reader.kind === "union") {
    const branch = reader.branches.find((each) => isSame(writer, each)) ??
      reader.branches.find((each) => canRead(writer, each));
    if (branch) return build(writer, branch, building);
    throw mismatch(writer, reader);
  }
  if (!canRead(writer, reader)) throw mismatch(writer, reader);
  switch (writer.kind) {
    case "record":
      return recordDecoder(writer, reader as RecordType, building);
    case "enum":
      return enumDecoder(writer, reader as EnumType);
    case "array":
      return blocks(
        build(writer.items, (reader as typeof writer).items, building),
        (items: unknown[], read, from) => void items.push(read(from)),
        () => [],
      );
    case "map":
      return blocks(
        build(writer.values, (reader as typeof writer).values, building),
        (entries: Record<string, unknown>, read, from) => {
          const key = from.string();
          // A key like __proto__ is a key like any other.
          Object.defineProperty(entries, key, {
            value: read(from),
            enumerable: true,
            configurable: true,
            writable: true,
          });
        },
        () => ({}),
      );
    case "fixed":
      return (from) => from.bytes(writer.size);
    case "null":
    case "boolean":
    case "int":
    case "long":
    case "float":
    case "double":
    case "bytes":
    case "string":
      return promoted(writer.kind, reader.kind);
    default:
      return writer satisfies never;
  }
}

const PRIMITIVES = {
  null: () => null,
  boolean: (from: AvroReader) => from.boolean(),
  int: (from: AvroReader) => from.int(),
  long: (from: AvroReader) => from.long(),
  float: (from: AvroReader) => from.float(),
  double: (from: AvroReader) => from.double(),
  bytes: (from: AvroReader) => from.bytes(),
  string: (from: AvroReader) => from.string(),
};

function promoted(writer: keyof typeof PRIMITIVES, reader: string): Decoder {
  const read = PRIMITIVES[writer];
  if (writer === "long" && (reader === "float" || reader === "double")) return (from) => Number(read(from));
  if (writer === "string" && reader === "bytes") return (from) => new TextEncoder().encode(from.string());
  if (writer === "bytes" && reader === "string") {
    return (from) => new TextDecoder("utf-8", { fatal: true }).decode(from.bytes());
  }
  return read;
}

function unionDecoder(branches: readonly AvroType[], reader: AvroType, building: Building): Decoder {
  // A branch that the reader cannot take is an error when it comes, not before.
  const decoders = branches.map((branch): Decoder => {
    try {
      return build(branch, reader, building);
    } catch (error) {
      return () => {
        throw error;
      };
    }
  });
  return (from) => {
    const index = from.int();
    if (decoders[index]) return decoders[index](from);
    throw new TypeError(`a union has ${decoders.length} branches, and branch ${index} is chosen`);
  };
}

function recordDecoder(writer: RecordType, reader: RecordType, building: Building): Decoder {
  const known = building.get(writer)?.get(reader);
  if (known) return (from) => known.decode(from);
  const holder = { decode: (() => undefined) as Decoder };
  if (!building.has(writer)) building.set(writer, new Map());
  building.get(writer)!.set(reader, holder);
  const parts = writer.fields.map((field) => {
    const wanted = reader.fields.find(({ name, aliases }) => name === field.name || aliases.includes(field.name));
    return { name: wanted?.name, read: build(field.type, wanted?.type ?? field.type, building) };
  });
  const defaults = reader.fields.filter(({ name }) => !parts.some((part) => part.name === name)).map(defaultOf(writer));
  holder.decode = (from) => {
    const record: Record<string, unknown> = {};
    for (const { name, read } of parts) {
      const value = read(from);
      if (name !== undefined) record[name] = value;
    }
    for (const { name, make } of defaults) record[name] = make();
    return record;
  };
  return holder.decode;
}

function defaultOf(writer: RecordType) {
  return (field: AvroField): { readonly name: string; readonly make: () => unknown } => {
    if (!("default" in field)) {
      throw new TypeError(
        `Cannot read Avro record ${writer.name}: it has no field ${field.name}, which has no default`,
      );
    }
    return { name: field.name, make: () => fromJson(field.type, field.default) };
  };
}

/** A default as JSON writes it; that of a union is of its first branch. */
function fromJson(type: AvroType, value: unknown): unknown {
  switch (type.kind) {
    case "union":
      return fromJson(type.branches[0], value);
    case "bytes":
    case "fixed":
      return Uint8Array.from(String(value), (character) => character.charCodeAt(0));
    case "array":
      return (value as unknown[]).map((each) => fromJson(type.items, each));
    case "map":
      return mapOf(value, (each) => fromJson(type.values, each));
    case "record":
      return Object.fromEntries(type.fields.map((field) => {
        const given = (value as Readonly<Record<string, unknown>>)[field.name];
        return [field.name, fromJson(field.type, given === undefined ? field.default : given)];
      }));
    case "null":
    case "boolean":
    case "int":
    case "long":
    case "float":
    case "double":
    case "string":
    case "enum":
      return value;
    default:
      return type satisfies never;
  }
}

function mapOf(value: unknown, change: (each: unknown) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value as object).map(([name, each]) => [name, change(each)]));
}

function enumDecoder(writer: EnumType, reader: EnumType): Decoder {
  return (from) => {
    const symbol = writer.symbols[from.int()];
    if (symbol === undefined) throw new TypeError(`enum ${writer.name} has no such symbol`);
    if (reader.symbols.includes(symbol)) return symbol;
    if (reader.default !== undefined) return reader.default;
    throw new TypeError(`enum ${reader.name} has no symbol ${symbol}, and no default`);
  };
}

/** Items of arrays and maps come in blocks; one of no items is the end. */
function blocks<Whole>(
  item: Decoder,
  add: (whole: Whole, item: Decoder, from: AvroReader) => void,
  create: () => Whole,
): Decoder {
  return (from) => {
    const whole = create();
    for (;;) {
      let count = Number(from.long());
      if (count === 0) return whole;
      if (count < 0) {
        count = -count;
        from.count(1);
      }
      // Items of no bytes (null) are as many as are announced; nobody sends millions of them in good faith.
      if (count > Math.max(from.left, NOTHINGS_MAX)) {
        throw new TypeError(`${count} items are announced, ${from.left} bytes are left`);
      }
      for (let i = 0; i < count; i++) add(whole, item, from);
    }
  };
}

const NOTHINGS_MAX = 10_000;

const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  int: ["long", "float", "double"],
  long: ["float", "double"],
  float: ["double"],
  string: ["bytes"],
  bytes: ["string"],
};

function canRead(writer: AvroType, reader: AvroType): boolean {
  if (writer.kind !== reader.kind) return PROMOTIONS[writer.kind]?.includes(reader.kind) ?? false;
  if (!("name" in writer) || !("name" in reader)) return true;
  const last = (name: string) => name.slice(name.lastIndexOf(".") + 1);
  const isNamed = last(writer.name) === last(reader.name) || reader.aliases.includes(writer.name);
  return isNamed && (writer.kind !== "fixed" || reader.kind !== "fixed" || writer.size === reader.size);
}

function isSame(writer: AvroType, reader: AvroType): boolean {
  return writer.kind === reader.kind && canRead(writer, reader);
}

function mismatch(writer: AvroType, reader: AvroType): TypeError {
  const name = (type: AvroType) => "name" in type ? `${type.kind} ${type.name}` : type.kind;
  return new TypeError(`Cannot read Avro ${name(writer)} as ${name(reader)}`);
}
