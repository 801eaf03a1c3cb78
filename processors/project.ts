/**
 * `project`: picks, renames and computes fields.
 *
 * ```sh
 * sluice run project --set 'fields={"id":"id","euros":{"div":["cents",100]}}' --from file:orders.ndjson --to file:euros.ndjson
 * ```
 *
 * @module
 */

import { defineProcessor, json, parameters } from "../processor.ts";
import { ParameterError } from "./field.ts";
import { compileMapping } from "./mapping.ts";

const { fields } = parameters();
if (fields === undefined) throw new ParameterError("project", "fields", 'a mapping such as {"id":"id"}');
const project = compileMapping(fields);

export default defineProcessor({
  name: "project",
  input: json<unknown>(),
  output: json<unknown>(),
  process: ({ key, value }) => ({ key, value: project(value) }),
});
