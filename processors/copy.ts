/**
 * `copy`: every record as it is, key and bytes.
 *
 * ```sh
 * sluice run copy --from file:orders.ndjson --to file:copy.ndjson --until-end
 * ```
 *
 * @module
 */

import { bytes, defineProcessor } from "../processor.ts";

export default defineProcessor({
  name: "copy",
  input: bytes(),
  output: bytes(),
  process: ({ key, value }) => ({ key, value }),
});
