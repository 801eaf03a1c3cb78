/** Which URI belongs to which input or output: `--from URI`, or `--from orders=URI --from payments=URI`. */

import { nearest } from "./nearest.ts";
import { UsageError } from "./usage_error.ts";

/** Name → URI, for each of `names`. The one URI without a name serves a single input, or all outputs. */
export function bindUris(
  flag: "--from" | "--to",
  uris: readonly string[],
  names: readonly string[],
): Map<string, string> {
  const bound = new Map<string, string>();
  for (const text of uris) {
    const [, name = "default", uri] = /^(?:([A-Za-z_][\w-]*)=)?(.+)$/s.exec(text) ?? [];
    if (uri === undefined) throw new UsageError(`Cannot use ${flag}: it is empty, a URI is wanted`);
    if (bound.has(name)) throw new UsageError(`Cannot use ${flag} ${text}: ${name} is given twice`);
    if (name !== "default" && !names.includes(name)) throw unknownName(flag, name, names);
    bound.set(name, uri);
  }
  return flag === "--from" ? requireAll(bound, names) : requireSome(bound, names);
}

function requireAll(bound: Map<string, string>, names: readonly string[]): Map<string, string> {
  const only = bound.get("default");
  if (only !== undefined && !names.includes("default") && names.length === 1) {
    bound.delete("default");
    bound.set(names[0], only);
  }
  const missing = names.filter((name) => !bound.has(name));
  if (missing.length === 0 && bound.size === names.length) return bound;
  throw new UsageError(
    names.length === 1 && names[0] === "default"
      ? "Cannot run: --from is missing; name a stream, such as --from file:orders.ndjson, or - for standard input"
      : `Cannot run: the processor's inputs are ${names.join(", ")}; give each its stream, such as --from ${
        missing[0] ?? names[0]
      }=file:in.ndjson`,
  );
}

function requireSome(bound: Map<string, string>, names: readonly string[]): Map<string, string> {
  const missing = names.filter((name) => !bound.has(name));
  if (bound.has("default") || missing.length === 0) return bound;
  throw new UsageError(
    bound.size === 0
      ? "Cannot run: --to is missing; name a stream, such as --to file:totals.ndjson, or - for standard output"
      : `Cannot run: output ${missing[0]} goes nowhere; add --to ${missing[0]}=URI, or --to URI for all the others`,
  );
}

function unknownName(flag: string, name: string, names: readonly string[]): UsageError {
  const advice = nearest(name, names);
  const kind = flag === "--from" ? "inputs" : "outputs";
  return new UsageError(
    `Cannot use ${flag} ${name}=…: the processor's ${kind} are ${names.join(", ")}${
      advice ? `. Did you mean ${advice}?` : ""
    }`,
  );
}
