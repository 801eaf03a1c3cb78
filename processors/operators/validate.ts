/** `validate`: elements that a schema accepts, as it makes them; the others are rejects, with reasons. Nothing is remembered. */

import type { SchemaIssue, StandardSchema } from "../../formats/json.ts";
import type { Operator } from "../pipeline/operator.ts";
import { reject, type Rejected } from "./rejected.ts";

/**
 * Validates elements with a Standard Schema (zod, valibot, arktype, …). Rejects go to `rejects`; where nobody takes them,
 * the record of a reject fails.
 *
 * The schema must answer at once: one that asks the network, or anything else, belongs into `enrich`.
 */
export function validate<In, Out>(
  schema: StandardSchema<In, Out>,
): Operator<In, Out, { readonly rejects: Rejected<In> }> {
  return {
    kind: "validate",
    open(scope, down) {
      const rejects = scope.side<Rejected<In>>("rejects");
      return {
        push(value, key, timeMs) {
          const result = schema["~standard"].validate(value);
          if (result instanceof Promise) {
            throw new TypeError(`Cannot validate in step ${scope.name}: the schema is asynchronous, use enrich`);
          }
          if (result.issues === undefined) return down.push(result.value, key, timeMs);
          reject(scope, rejects, { value, reasons: result.issues.map(describeIssue) }, { key, timeMs });
        },
        advance: (watermarkMs) => down.advance(watermarkMs),
      };
    },
  };
}

function describeIssue({ message, path = [] }: SchemaIssue): string {
  const names = path.map((part) => String(typeof part === "object" ? part.key : part));
  return names.length === 0 ? message : `${names.join(".")}: ${message}`;
}
