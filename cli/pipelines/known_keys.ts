/** What a schema knows at a place: its members, for "did you mean", and what it wants. */

import { z } from "zod";

/** The members that `schema` knows at `path`. */
export function knownKeys(schema: z.ZodType, path: readonly (string | number)[]): readonly string[] {
  return schemasAt(schema, path).flatMap(alternatives).flatMap((each) =>
    each instanceof z.ZodObject ? Object.keys(each.shape) : []
  );
}

/** What `schema` wants at `path`, in words; nothing where it has none. */
export function wantedAt(schema: z.ZodType, path: readonly (string | number)[]): string {
  const descriptions = schemasAt(schema, path).flatMap((each) => [each, ...wrapped(each)])
    .map((each) => each.meta()?.description ?? choicesOf(each));
  return descriptions.find((description) => description !== undefined) ?? "";
}

function choicesOf(schema: z.ZodType): string | undefined {
  return schema instanceof z.ZodEnum ? schema.options.join(", ") : undefined;
}

function wrapped(schema: z.ZodType): readonly z.ZodType[] {
  return schema instanceof z.ZodOptional ? [schema.unwrap() as z.ZodType] : [];
}

function schemasAt(schema: z.ZodType, path: readonly (string | number)[]): readonly z.ZodType[] {
  return path.reduce<readonly z.ZodType[]>(
    (schemas, segment) => schemas.flatMap(alternatives).flatMap((each) => membersOf(each, segment)),
    [schema],
  );
}

function membersOf(schema: z.ZodType, segment: string | number): readonly z.ZodType[] {
  if (schema instanceof z.ZodObject) {
    return typeof segment === "string" && segment in schema.shape ? [schema.shape[segment] as z.ZodType] : [];
  }
  if (schema instanceof z.ZodArray) return [schema.element as z.ZodType];
  if (schema instanceof z.ZodRecord) return [schema.valueType as z.ZodType];
  return [];
}

/** What a schema may be instead: without what may be absent, one by one. */
function alternatives(schema: z.ZodType): readonly z.ZodType[] {
  if (schema instanceof z.ZodOptional) return alternatives(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodUnion) return (schema.options as readonly z.ZodType[]).flatMap(alternatives);
  return [schema];
}
