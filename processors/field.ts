/** Fields inside JSON values, by path. */

/** What `path` (such as `customer.name`) leads to inside `value`; undefined when it leads nowhere. */
export function fieldAt(value: unknown, path: string): unknown {
  let found = value;
  for (const name of path.split(".")) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[name];
  }
  return found;
}

/** A parameter of a ready-made processor that is missing or of the wrong kind. */
export class ParameterError extends TypeError {
  override readonly name = "ParameterError";
  readonly code = "E_PARAMETER";

  constructor(processor: string, parameter: string, wanted: string) {
    super(`Cannot use ${processor}: --set ${parameter}=… is missing or wrong, ${wanted} is wanted`);
  }
}

/** Whether `value` is a JSON object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
