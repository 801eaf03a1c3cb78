/**
 * `count-by`: how many records there have been per value of a field; one output per record.
 *
 * ```sh
 * sluice run count-by --set by=customer --from file:orders.ndjson --to file:counts.ndjson
 * ```
 *
 * @module
 */

import { defineProcessor, json, parameters } from "../processor.ts";
import { fieldAt, ParameterError } from "./field.ts";

const { by } = parameters();
if (typeof by !== "string" || by === "") throw new ParameterError("count-by", "by", "the path of a field");

export default defineProcessor({
  name: "count-by",
  input: json<unknown>(),
  output: json<{ by: unknown; count: number }>(),
  process({ value }, { state, emit }) {
    const field = fieldAt(value, by) ?? null;
    const key = JSON.stringify(field);
    const count = (state.get<number>(key) ?? 0) + 1;
    state.set(key, count);
    emit({ key: typeof field === "string" ? field : key, value: { by: field, count } });
  },
});
