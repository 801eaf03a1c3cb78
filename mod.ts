/**
 * Sluice as a library: run a processor between sources and sinks.
 *
 * @example A run from memory to memory
 * ```ts ignore
 * import { MemorySink, MemorySource, runProcessor } from "@sluice/sluice";
 *
 * const totals = new MemorySink();
 * const summary = await runProcessor({
 *   processor: "totals.ts",
 *   from: { default: new MemorySource("orders", { "0": [{ value: '{"customer":"ann","cents":5}' }] }) },
 *   to: { default: totals },
 *   journal: "journal.db",
 * });
 * console.log(summary.tasks[0].records, totals.outputs);
 * ```
 *
 * @module
 */

export { FileSink, type FileSinkOptions } from "./adapters/file/sink.ts";
export { FileSource, type FileSourceOptions } from "./adapters/file/source.ts";
export { type MemoryOutput, MemorySink } from "./adapters/memory/sink.ts";
export { type MemoryRecord, MemorySource } from "./adapters/memory/source.ts";
export {
  type Acquired,
  type Checkpoint,
  type Commit,
  type CommitPosition,
  type Guarantee,
  type Receipt,
  type Sink,
  SinkError,
  type SinkErrorData,
} from "./adapters/sink.ts";
export {
  type ParentEnd,
  type ReadLimit,
  type ReadResult,
  type Resharding,
  type Source,
  SourceError,
  type SourceErrorData,
  type SourcePartition,
} from "./adapters/source.ts";
export type { Lease, LeaseTable } from "./adapters/lease_table.ts";
export {
  type StoredPlan,
  type StoredTask,
  type TaskHold,
  type TaskStore,
  TaskStoreError,
} from "./adapters/task_store.ts";
export type { RoamingOptions } from "./controller/roaming/roaming_group.ts";
export type { EffectHandler, EffectHandlers } from "./controller/effects.ts";
export { JournalError, type Progress } from "./controller/journal/journal.ts";
export { DEFAULT_LIMITS, type Limits } from "./controller/limits.ts";
export type { RunSummary } from "./controller/run.ts";
export type { Difference } from "./controller/replay/difference.ts";
export type { Cause, Divergence, Explanation } from "./controller/replay/divergence.ts";
export type { SourcesAtHand } from "./controller/replay/recording.ts";
export { runProcessor, type RunProcessorOptions, type VerifyOptions } from "./controller/run_processor.ts";
export { BundleError } from "./controller/sandbox/bundle_error.ts";
export type { Isolation } from "./controller/sandbox/sandbox.ts";
export type { Tally } from "./controller/tally.ts";
export type { TaskSummary } from "./controller/task.ts";
export { ProcessorFailed, type StopPlace } from "./controller/task_errors.ts";
export type { CapturePolicy, Committed, FeedStep, Observer } from "./controller/task_setup.ts";
export type { Batch } from "./engine/batch.ts";
export type { ClockPolicy } from "./engine/clock.ts";
export type { ErrorPolicy, Failure, UnitKind } from "./engine/failure.ts";
export type { HeaderColumns } from "./engine/headers.ts";
export type { LogLine } from "./engine/report.ts";
export type { ExtraColumns, PackedOutputs } from "./engine/output.ts";
export type { FieldNames } from "./formats/fields.ts";
