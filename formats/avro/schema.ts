/** Avro schemas (specification 1.12): from JSON to types with their names resolved, the canonical form, the fingerprint. */

/** A type. */
export type AvroType =
  | { readonly kind: "null" | "boolean" | "int" | "long" | "float" | "double" | "bytes" | "string" }
  | { readonly kind: "array"; readonly items: AvroType }
  | { readonly kind: "map"; readonly values: AvroType }
  | { readonly kind: "union"; readonly branches: readonly AvroType[] }
  | NamedType;

/** A type with a name, which other types refer to; records may hold themselves. */
export type NamedType = RecordType | EnumType | FixedType;

/** A record. */
export interface RecordType {
  readonly kind: "record";
  readonly name: string;
  readonly aliases: readonly string[];
  /** Filled once all of them are known. */
  fields: readonly AvroField[];
}

/** A field of a record. */
export interface AvroField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: AvroType;
  /** Absent where there is none. */
  readonly default?: unknown;
}

/** One of some symbols. */
export interface EnumType {
  readonly kind: "enum";
  readonly name: string;
  readonly aliases: readonly string[];
  readonly symbols: readonly string[];
  readonly default: string | undefined;
}

/** So many bytes. */
export interface FixedType {
  readonly kind: "fixed";
  readonly name: string;
  readonly aliases: readonly string[];
  readonly size: number;
}

/** A schema as it is written: JSON. */
export type AvroSchema = string | readonly unknown[] | Readonly<Record<string, unknown>>;

const PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"] as const;
const NAME = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;

/**
 * The type that `schema` describes.
 *
 * @throws {TypeError} when it describes none
 */
export function parseSchema(schema: AvroSchema): AvroType {
  return parse(schema, "", new Map());
}

type Known = Map<string, NamedType>;

function parse(schema: unknown, namespace: string, known: Known): AvroType {
  if (typeof schema === "string") return reference(schema, namespace, known);
  if (Array.isArray(schema)) return union(schema, namespace, known);
  if (typeof schema !== "object" || schema === null) throw noSchema(schema);
  const definition = schema as Readonly<Record<string, unknown>>;
  switch (definition.type) {
    case "array":
      return { kind: "array", items: parse(definition.items, namespace, known) };
    case "map":
      return { kind: "map", values: parse(definition.values, namespace, known) };
    case "record":
    case "error":
    case "enum":
    case "fixed":
      return named(definition, namespace, known);
    default:
      return parse(definition.type, namespace, known);
  }
}

function reference(name: string, namespace: string, known: Known): AvroType {
  const primitive = PRIMITIVES.find((each) => each === name);
  if (primitive) return { kind: primitive };
  const found = known.get(fullName(name, namespace)) ?? known.get(name);
  if (found) return found;
  throw new TypeError(`Cannot use Avro type ${JSON.stringify(name)}: it is neither a primitive nor defined before it`);
}

function union(branches: readonly unknown[], namespace: string, known: Known): AvroType {
  const types = branches.map((branch) => parse(branch, namespace, known));
  const names = types.map((type) => "name" in type ? type.name : type.kind);
  const isNested = types.some(({ kind }) => kind === "union");
  if (isNested || new Set(names).size < names.length) {
    throw new TypeError(`Cannot use Avro union of ${names.join(", ")}: different types are wanted, and no unions`);
  }
  return { kind: "union", branches: types };
}

function named(definition: Readonly<Record<string, unknown>>, outer: string, known: Known): NamedType {
  const written = String(definition.name);
  if (!NAME.test(written)) throw new TypeError(`Cannot use Avro name ${JSON.stringify(definition.name)}: it is none`);
  const own = typeof definition.namespace === "string" ? definition.namespace : outer;
  const name = fullName(written, own);
  if (known.has(name)) throw new TypeError(`Cannot define Avro type ${name} twice`);
  const namespace = name.includes(".") ? name.slice(0, name.lastIndexOf(".")) : "";
  const aliases = ((definition.aliases ?? []) as readonly string[]).map((alias) => fullName(alias, namespace));
  if (definition.type === "enum") {
    const symbols = definition.symbols as readonly string[];
    if (!Array.isArray(symbols) || symbols.length === 0) throw noSchema(definition);
    const type: EnumType = { kind: "enum", name, aliases, symbols, default: definition.default as string | undefined };
    known.set(name, type);
    return type;
  }
  if (definition.type === "fixed") {
    if (!Number.isInteger(definition.size)) throw noSchema(definition);
    const type: FixedType = { kind: "fixed", name, aliases, size: definition.size as number };
    known.set(name, type);
    return type;
  }
  const type: RecordType = { kind: "record", name, aliases, fields: [] };
  known.set(name, type);
  if (!Array.isArray(definition.fields)) throw noSchema(definition);
  type.fields = definition.fields.map((field) => parseField(field, namespace, known));
  return type;
}

function parseField(field: Readonly<Record<string, unknown>>, namespace: string, known: Known): AvroField {
  if (typeof field?.name !== "string" || !NAME.test(field.name)) throw noSchema(field);
  return {
    name: field.name,
    aliases: (field.aliases ?? []) as readonly string[],
    type: parse(field.type, namespace, known),
    ...("default" in field ? { default: field.default } : {}),
  };
}

function fullName(name: string, namespace: string): string {
  return name.includes(".") || namespace === "" ? name : `${namespace}.${name}`;
}

function noSchema(schema: unknown): TypeError {
  return new TypeError(`Cannot use Avro schema ${JSON.stringify(schema)?.slice(0, 100)}: it is none`);
}

/** The Parsing Canonical Form: what of a schema matters to who reads data. */
export function canonicalForm(type: AvroType, defined: Set<string> = new Set()): string {
  switch (type.kind) {
    case "array":
      return `{"type":"array","items":${canonicalForm(type.items, defined)}}`;
    case "map":
      return `{"type":"map","values":${canonicalForm(type.values, defined)}}`;
    case "union":
      return `[${type.branches.map((branch) => canonicalForm(branch, defined)).join(",")}]`;
    case "record":
    case "enum":
    case "fixed":
      return canonicalNamed(type, defined);
    case "null":
    case "boolean":
    case "int":
    case "long":
    case "float":
    case "double":
    case "bytes":
    case "string":
      return JSON.stringify(type.kind);
    default:
      return type satisfies never;
  }
}

function canonicalNamed(type: NamedType, defined: Set<string>): string {
  const name = JSON.stringify(type.name);
  if (defined.has(type.name)) return name;
  defined.add(type.name);
  const head = `{"name":${name},"type":"${type.kind}"`;
  if (type.kind === "enum") return `${head},"symbols":${JSON.stringify(type.symbols)}}`;
  if (type.kind === "fixed") return `${head},"size":${type.size}}`;
  const fields = type.fields.map((field) =>
    `{"name":${JSON.stringify(field.name)},"type":${canonicalForm(field.type, defined)}}`
  );
  return `${head},"fields":[${fields.join(",")}]}`;
}

const EMPTY = 0xc15d213aa4d7a795n;

/** The CRC-64-AVRO fingerprint of a type: 64 bits of Rabin's polynomial over its canonical form. */
export function fingerprint(type: AvroType): bigint {
  let print = EMPTY;
  for (const byte of new TextEncoder().encode(canonicalForm(type))) {
    let entry = (print ^ BigInt(byte)) & 0xffn;
    for (let bit = 0; bit < 8; bit++) entry = (entry >> 1n) ^ (EMPTY & -(entry & 1n));
    print = (print >> 8n) ^ BigInt.asUintN(64, entry);
  }
  return print;
}
