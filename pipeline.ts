/**
 * Pipelines: operators composed into one processor, with windows, joins, aggregates and what keeps streams clean.
 *
 * @example
 * ```ts
 * import { count, json, pipeline, sum, tumbling } from "@sluice/sluice/pipeline";
 *
 * export default pipeline("orders-per-minute", ({ from }) =>
 *   from(json<{ customer: string; cents: number; at: string }>(), { time: ({ at }) => at, lateness: "10s" })
 *     .keyBy(({ customer }) => customer)
 *     .window(tumbling("1m"))
 *     .aggregate({ orders: count(), cents: sum(({ cents }) => cents) })
 *     .to(json()));
 * ```
 *
 * @module
 */

export * from "./processor.ts";
export { pipeline, type PipelineBuilder } from "./processors/pipeline/pipeline.ts";
export { embed, type Embedded, type Given } from "./processors/pipeline/embed.ts";
export { type SideStreams, Stream, WindowedStream } from "./processors/pipeline/stream.ts";
export type { SourceOptions } from "./processors/pipeline/source_stage.ts";
export {
  type Junction,
  type JunctionOperator,
  type Key,
  LateError,
  type Operator,
  type OperatorTraits,
  type Scope,
  type Sides,
  type Stage,
} from "./processors/pipeline/operator.ts";
export type { Duration } from "./processors/time/duration.ts";
export type { EventTimers, OnDue } from "./processors/time/event_timers.ts";
export { filter } from "./processors/operators/filter.ts";
export { map, type Place } from "./processors/operators/map.ts";
export { flatMap } from "./processors/operators/flat_map.ts";
export { keyBy, type KeyValue } from "./processors/operators/key_by.ts";
export { type Branches, split } from "./processors/operators/split.ts";
export { merge } from "./processors/operators/merge.ts";
export { type AggregateOptions, aggregateWindows, type Windowed } from "./processors/windows/aggregate_windows.ts";
export type { EmitPolicy } from "./processors/windows/emission.ts";
export type { WindowBounds, WindowMarks, WindowResult } from "./processors/windows/window_result.ts";
export type {
  AlignedWindows,
  ChangeWindows,
  CountWindows,
  SessionWindows,
  Slice,
  SlidingWindows,
  Windows,
} from "./processors/windows/windows.ts";
export { type Alignment, tumbling } from "./processors/windows/tumbling.ts";
export { hopping } from "./processors/windows/hopping.ts";
export { calendar, type CalendarOptions, type CalendarUnit } from "./processors/windows/calendar.ts";
export { session } from "./processors/windows/session.ts";
export { sliding } from "./processors/windows/sliding.ts";
export { countOf, type TtlOptions } from "./processors/windows/count.ts";
export { untilChange } from "./processors/windows/change.ts";
export { type Aggregate, aggregate, type AggregateDefinition } from "./processors/aggregates/aggregate.ts";
export type { Aggregated, AggregateSpec } from "./processors/aggregates/combined.ts";
export { count } from "./processors/aggregates/count.ts";
export { exactSumText, mean, type NumericOf, sum } from "./processors/aggregates/sum.ts";
export type { Numeric } from "./processors/aggregates/decimal.ts";
export { max, min, type Ordered } from "./processors/aggregates/extremes.ts";
export { first, last } from "./processors/aggregates/first_last.ts";
export { correlation, deviation, type NumberOf, variance } from "./processors/aggregates/variance.ts";
export { collect, distinct, type KeptOptions, topN } from "./processors/aggregates/collect.ts";
export { histogram } from "./processors/aggregates/histogram.ts";
export { distinctApproximately } from "./processors/aggregates/hyper_log_log.ts";
export { type Quantiles, quantiles } from "./processors/aggregates/t_digest.ts";
export { asDate, asNumber, asText, correct } from "./processors/operators/correct.ts";
export type { Corrected, Correction, Corrections, DateForm, NumberForm } from "./processors/operators/correct.ts";
export { type Alert, alert, type AlertOptions } from "./processors/operators/alert.ts";
export { check, type Rule } from "./processors/operators/check.ts";
export { type Change, changes } from "./processors/operators/changes.ts";
export { dedupe, type DedupeOptions } from "./processors/operators/dedupe.ts";
export { enrich, type EnrichOptions, type Unanswered } from "./processors/operators/enrich.ts";
export { inOrder } from "./processors/operators/in_order.ts";
export { type Outlier, type OutlierMethod, type OutlierOptions, outliers } from "./processors/operators/outliers.ts";
export { rateLimit, type RateLimitOptions } from "./processors/operators/rate_limit.ts";
export { type Rejected, RejectError } from "./processors/operators/rejected.ts";
export { sample } from "./processors/operators/sample.ts";
export { type Sequence, sequence, type SequenceOptions, type SequencePart } from "./processors/operators/sequence.ts";
export { stateMachine, type StateMachineOptions, type Transition } from "./processors/operators/state_machine.ts";
export { throttle } from "./processors/operators/throttle.ts";
export { validate } from "./processors/operators/validate.ts";
export type { Combine, JoinKind, JoinSides } from "./processors/joins/joining.ts";
export { asOfJoin, type AsOfJoinOptions } from "./processors/joins/as_of_join.ts";
export { intervalJoin, type IntervalJoinOptions } from "./processors/joins/interval_join.ts";
export { type Branch, branch, ExpressionError, joinTree, type Matches } from "./processors/joins/join_tree.ts";
export { tableJoin, type TableJoinOptions } from "./processors/joins/table_join.ts";
export { windowJoin, type WindowJoinOptions } from "./processors/joins/window_join.ts";
