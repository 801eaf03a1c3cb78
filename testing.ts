/**
 * Testing kit: processors under test in virtual time, with timers, effects, crashes, and the exploration of many ways to
 * feed the same records.
 *
 * @example
 * ```ts ignore
 * import { explore, testProcessor } from "@sluice/sluice/testing";
 * import type totals from "./totals.ts";
 *
 * const TOTALS = import.meta.resolve("./totals.ts");
 *
 * Deno.test("totals add up", async (t) => {
 *   const test = await testProcessor<typeof totals>(TOTALS);
 *   await test.send({ value: { id: "1", customer: "ann", cents: 500 } });
 *   test.crash();
 *   await test.send({ value: { id: "2", customer: "ann", cents: 125 } });
 *   await t.assertSnapshot(test.snapshot());
 * });
 * ```
 *
 * @module
 */

export { answers, RecordedError } from "./testing/answers.ts";
export { ExplorationFailed, explore, type ExploreOptions } from "./testing/explore.ts";
export {
  type InputOf,
  type OutputOf,
  TestedProcessor,
  TestedRecordFailed,
  type TestOptions,
  type TestOutput,
  testProcessor,
  type TestSnapshot,
} from "./testing/tested_processor.ts";
export type { TestRecord } from "./testing/records.ts";
export type { EffectHandler, EffectHandlers } from "./controller/effects.ts";
export type { Decoded, Encoded } from "./engine/processor.ts";
export type { LogLine } from "./engine/report.ts";
export type { ClockPolicy } from "./engine/clock.ts";
export type { ErrorPolicy, Failure } from "./engine/failure.ts";
