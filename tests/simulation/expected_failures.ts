/** Which codes a start of Sluice may stop with, and when. */

/** What may stop a start while things fail; what else does is a defect. */
export const EXPECTED_FAILURES: ReadonlySet<string> = new Set([
  "E_JOURNAL_UNWRITABLE",
  "E_DISK_FULL",
  "E_SOURCE_UNREADABLE",
  "E_SOURCE_UNREACHABLE",
  "E_SINK_UNWRITABLE",
  "E_STORE_UNREACHABLE",
]);
/** How a run may stop for good, once a part of its input is gone that it may not have read. */
export const TRIMMED_FAILURES: ReadonlySet<string> = new Set(["E_GAP", "E_INPUTS_CHANGED", "E_SOURCE_CHANGED"]);
/** The same, once a sink has lost what its journal has no longer. */
export const LOST_FAILURES: ReadonlySet<string> = new Set(["E_CHECKPOINT_MISMATCH", "E_JOURNAL_INCOMPLETE"]);
