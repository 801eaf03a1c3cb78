/** From values to bytes of an Avro type. */

import type { AvroWriter } from "./binary.ts";
import type { AvroType, RecordType } from "./schema.ts";

/** Writes `value` as `type`; `path` is where it is, for messages. */
export function encodeAs(type: AvroType, value: unknown, writer: AvroWriter, path: string): void {
  if (type.kind === "union") return encodeUnion(type.branches, value, writer, path);
  if (!isOf(type, value)) {
    const name = "name" in type ? type.name : type.kind;
    throw new TypeError(`Cannot write ${path} as Avro ${name}: it is ${show(value)}`);
  }
  switch (type.kind) {
    case "null":
      return;
    case "boolean":
      return writer.boolean(value as boolean);
    case "int":
    case "long":
      return writer.long(value as number | bigint);
    case "float":
      return writer.float(Number(value));
    case "double":
      return writer.double(Number(value));
    case "bytes":
      return writer.bytes(value as Uint8Array);
    case "fixed":
      return writer.raw(value as Uint8Array);
    case "string":
      return writer.string(value as string);
    case "enum":
      return writer.long(type.symbols.indexOf(value as string));
    case "array":
      return encodeItems(
        value as readonly unknown[],
        writer,
        (each, i) => encodeAs(type.items, each, writer, `${path}[${i}]`),
      );
    case "map":
      return encodeItems(Object.entries(value as object), writer, ([key, each]) => {
        writer.string(key);
        encodeAs(type.values, each, writer, `${path}.${key}`);
      });
    case "record":
      return encodeRecord(type, value as Readonly<Record<string, unknown>>, writer, path);
    default:
      return type satisfies never;
  }
}

/** The first branch that has the value. */
function encodeUnion(branches: readonly AvroType[], value: unknown, writer: AvroWriter, path: string): void {
  const given = value === undefined ? null : value;
  const index = branches.findIndex((branch) => isDeeply(branch, given));
  if (index < 0) throw new TypeError(`Cannot write ${path}: ${show(value)} is of no branch of its Avro union`);
  writer.long(index);
  encodeAs(branches[index], given, writer, path);
}

function encodeItems<T>(items: readonly T[], writer: AvroWriter, encode: (item: T, i: number) => void): void {
  if (items.length > 0) {
    writer.long(items.length);
    items.forEach(encode);
  }
  writer.long(0);
}

function encodeRecord(
  { fields }: RecordType,
  value: Readonly<Record<string, unknown>>,
  writer: AvroWriter,
  path: string,
): void {
  for (const { name, type, ...rest } of fields) {
    const given = value[name];
    encodeAs(type, given === undefined && "default" in rest ? rest.default : given, writer, `${path}.${name}`);
  }
}

function isOf(type: AvroType, value: unknown): boolean {
  switch (type.kind) {
    case "null":
      return value === null;
    case "boolean":
      return typeof value === "boolean";
    case "int":
      return typeof value === "number" && value === (value | 0);
    case "long":
      return typeof value === "bigint" ? BigInt.asIntN(64, value) === value : Number.isSafeInteger(value);
    case "float":
    case "double":
      return typeof value === "number";
    case "bytes":
      return value instanceof Uint8Array;
    case "fixed":
      return value instanceof Uint8Array && value.length === type.size;
    case "string":
      return typeof value === "string" && value.isWellFormed();
    case "enum":
      return typeof value === "string" && type.symbols.includes(value);
    case "array":
      return Array.isArray(value);
    case "map":
    case "record":
      return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
    case "union":
      return type.branches.some((branch) => isOf(branch, value));
    default:
      return type satisfies never;
  }
}

/** Whether all of the value is of the type: which record of a union it is shows only in its fields. */
function isDeeply(type: AvroType, value: unknown): boolean {
  if (!isOf(type, value)) return false;
  if (type.kind === "array") return (value as readonly unknown[]).every((each) => isDeeply(type.items, each));
  if (type.kind === "map") return Object.values(value as object).every((each) => isDeeply(type.values, each));
  if (type.kind === "union") return type.branches.some((branch) => isDeeply(branch, value));
  if (type.kind !== "record") return true;
  const members = value as Readonly<Record<string, unknown>>;
  return Object.keys(members).every((name) => type.fields.some((field) => field.name === name)) &&
    type.fields.every((field) =>
      members[field.name] === undefined ? "default" in field : isDeeply(field.type, members[field.name])
    );
}

function show(value: unknown): string {
  return typeof value === "bigint" ? `${value}` : JSON.stringify(value)?.slice(0, 60) ?? "undefined";
}
