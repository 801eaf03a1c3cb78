/** All decoders under fuzz. */

import { FILE_TARGETS } from "./file_targets.ts";
import type { Target } from "./target.ts";
import { BYTE_TARGETS } from "./targets.ts";

/** See the module. */
export const TARGETS: readonly Target[] = [...BYTE_TARGETS, ...FILE_TARGETS];
