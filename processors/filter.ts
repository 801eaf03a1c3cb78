/**
 * `filter`: the records that comply with a condition, byte for byte.
 *
 * ```sh
 * sluice run filter --set 'where={"country":"DE","cents":{"gt":1000}}' --from file:orders.ndjson --to file:large.ndjson
 * ```
 *
 * @module
 */

import { defineProcessor, parameters, text } from "../processor.ts";
import { compileCondition } from "./condition.ts";
import { ParameterError } from "./field.ts";

const { where } = parameters();
if (where === undefined) throw new ParameterError("filter", "where", 'a condition such as {"country":"DE"}');
const complies = compileCondition(where);

export default defineProcessor({
  name: "filter",
  input: text(),
  output: text(),
  process({ key, value }, { emit }) {
    if (complies(JSON.parse(value))) emit({ key, value });
  },
});
