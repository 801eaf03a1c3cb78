/**
 * Exploration: the same records in many feeds, orders and crashes; the result must always be the same.
 *
 * What goes wrong here goes wrong in production one day: something kept in a variable is lost with the process, a join
 * depends on which partition was faster, a date is that of the feed. The first case that changes the result is shrunk.
 */

import fc from "fast-check";
import type { EffectHandlers } from "../controller/effects.ts";
import { differencesOf } from "../controller/replay/difference.ts";
import type { ClockPolicy } from "../engine/clock.ts";
import { unpackOutputs } from "../formats/unpacked_outputs.ts";
import { Laboratory, loadCode, type LoadedCode } from "./laboratory.ts";
import type { InputOf } from "./tested_processor.ts";
import { feedOf, type PlacedRecord, type TestRecord } from "./records.ts";

/** What to explore. */
export interface ExploreOptions<In = unknown> {
  /** The records; those of one partition stay in this order. */
  readonly records: readonly TestRecord<In>[];
  /** Cut them into feeds in many ways. @default {true} */
  readonly splits?: boolean;
  /** Kill the processor between feeds. @default {true} */
  readonly crashes?: boolean;
  /** Mix the partitions in many ways; outputs are then compared regardless of their order. @default {false} */
  readonly orders?: boolean;
  /** Let time pass between records, by the clock `feed`: what depends on when a record came shows. @default {false} */
  readonly times?: boolean;
  /** How many cases to try. @default {100} */
  readonly runs?: number;
  /** Seed of the cases. @default {a fixed one} */
  readonly seed?: number;
  /** Where logical time comes from. @default {"feed"} */
  readonly clock?: ClockPolicy;
  /** Handlers of effects; they must answer the same input the same way. */
  readonly effects?: EffectHandlers;
  /** What `parameters()` answers. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Which pipeline, of a pipeline file with several. */
  readonly pipeline?: string;
}

/** A case that changed the result. */
export class ExplorationFailed extends Error {
  /** The name of the class. */
  override readonly name = "ExplorationFailed";
  /** What differs: `output[0].total`, `state["ann"]`. */
  readonly field: string;
  /** The record whose outputs differ; undefined where only the end does. */
  readonly record: string | undefined;

  /** The message says what differs, where and in which case. */
  constructor(message: string, field: string, record: string | undefined) {
    super(message);
    this.field = field;
    this.record = record;
  }
}

/** One way to feed the records. */
interface Case {
  readonly sizes: readonly number[];
  readonly crashes: readonly boolean[];
  readonly order: readonly number[];
  readonly gapsMs: readonly number[];
}

const PLAIN: Case = { sizes: [Infinity], crashes: [false], order: [0], gapsMs: [0] };
const SEED = 20260101;
const START_MS = Date.UTC(2026, 0, 1);

/**
 * Runs the processor at `url` over the records in many ways.
 *
 * @throws {ExplorationFailed} with the smallest case found that changes the result
 * @example
 * ```ts ignore
 * import { explore } from "@sluice/sluice/testing";
 *
 * Deno.test("totals survive crashes", async () => {
 *   await explore(import.meta.resolve("./totals.ts"), {
 *     records: [{ value: { customer: "ann", cents: 5 } }, { value: { customer: "ann", cents: 7 } }],
 *   });
 * });
 * ```
 */
export async function explore<P = unknown>(url: URL | string, options: ExploreOptions<InputOf<P>>): Promise<void> {
  const code = await loadCode(url, options);
  const expected = await outcomeOf(code, PLAIN, options);
  const property = fc.asyncProperty(caseOf(options), async (each) => {
    refuseDifference(expected, await outcomeOf(code, each, options), each, options);
  });
  const { runs = 100, seed = SEED } = options;
  const { failed, errorInstance } = await fc.check(property, { numRuns: runs, seed });
  if (!failed) return;
  if (errorInstance instanceof ExplorationFailed) errorInstance.message += `\n  seed ${seed}`;
  throw errorInstance;
}

function caseOf(options: ExploreOptions): fc.Arbitrary<Case> {
  const { splits = true, crashes = true, orders = false, times = false, records } = options;
  const list = <T>(isOn: boolean, each: fc.Arbitrary<T>, otherwise: T) =>
    isOn ? fc.array(each, { minLength: 1, maxLength: Math.max(1, records.length) }) : fc.constant([otherwise]);
  return fc.record({
    sizes: list(splits, fc.integer({ min: 1, max: Math.max(1, records.length) }), Infinity),
    crashes: list(crashes, fc.boolean(), false),
    order: list(orders, fc.nat(7), 0),
    gapsMs: list(times, fc.constantFrom(0, 1, 1000, 3_600_000, 90_061_001), 0),
  });
}

interface Outcome {
  /** `stream/partition@offset` → its outputs, as JSON texts. */
  readonly byRecord: ReadonlyMap<string, readonly OutputText[]>;
  readonly state: ReadonlyMap<string, string>;
}

interface OutputText {
  readonly name: string;
  readonly key: string | null;
  readonly value: string | null;
}

async function outcomeOf(
  code: LoadedCode,
  { sizes, crashes, order, gapsMs }: Case,
  options: ExploreOptions,
): Promise<Outcome> {
  const { clock = "feed", effects = {} } = options;
  const laboratory = new Laboratory(code, { seed: 0, clock, onError: "skip", effects, startMs: START_MS });
  const records = mixed(place(options.records, laboratory.info.inputs[0]), order);
  const byRecord = new Map<string, readonly OutputText[]>();
  let timeMs = START_MS;
  let at = 0;
  for (let seq = 0; at < records.length; seq++) {
    const size = sizes[seq % sizes.length];
    const first = at;
    const fed = records.slice(at, at + size).map((record, i) => ({
      ...record,
      timeMs: timeMs += gapsMs[(first + i) % gapsMs.length],
    }));
    noteOutputs(byRecord, fed, await laboratory.run(feedOf(seq, fed, laboratory.info.inputCodecs ?? {})), laboratory);
    at += fed.length;
    if (crashes[seq % crashes.length]) laboratory.restart();
  }
  const end = await laboratory.run({ seq: records.length, batches: [], segments: [], end: true });
  byRecord.set("the end", outputTexts(end, laboratory, 0, end.outputs.count));
  return { byRecord, state: new Map(laboratory.state.state) };
}

function place(records: readonly TestRecord[], firstInput: string): PlacedRecord[] {
  const next = new Map<string, bigint>();
  return records.map((record) => {
    const { input = firstInput, stream = "records", partition = "0" } = record;
    const lane = `${stream}/${partition}`;
    const offset = record.offset ?? next.get(lane) ?? 0n;
    next.set(lane, offset + 1n);
    return { ...record, input, stream, partition, offset, timeMs: START_MS };
  });
}

/** The records of all partitions, each partition's in its order; `order` chooses which partition comes next. */
function mixed(records: readonly PlacedRecord[], order: readonly number[]): readonly PlacedRecord[] {
  if (order.length === 1 && order[0] === 0) return records;
  const lanes = [...Map.groupBy(records, ({ stream, partition }) => `${stream}/${partition}`).values()];
  const taken: PlacedRecord[] = [];
  for (let step = 0; taken.length < records.length; step++) {
    const open = lanes.filter((lane) => lane.length > 0);
    taken.push(open[order[step % order.length] % open.length].shift()!);
  }
  return taken;
}

type Ran = Awaited<ReturnType<Laboratory["run"]>>;

function noteOutputs(
  byRecord: Map<string, readonly OutputText[]>,
  records: readonly PlacedRecord[],
  fed: Ran,
  laboratory: Laboratory,
): void {
  const { records: units, outputEnds } = fed.units;
  for (const [unit, record] of units.entries()) {
    const { stream, partition, offset } = records[record] ?? records[0];
    const name = record < 0 ? "timers and hooks" : `${stream}/${partition}@${offset}`;
    const outputs = outputTexts(fed, laboratory, unit === 0 ? 0 : outputEnds[unit - 1], outputEnds[unit]);
    byRecord.set(name, [...byRecord.get(name) ?? [], ...outputs]);
  }
}

function outputTexts({ outputs }: Ran, { info }: Laboratory, from: number, to: number): readonly OutputText[] {
  return unpackOutputs(outputs).slice(from, to).map(({ name, key, value }) => ({
    name: info.outputs[name],
    key,
    value,
  }));
}

function refuseDifference(expected: Outcome, actual: Outcome, each: Case, options: ExploreOptions): void {
  for (const name of new Set([...expected.byRecord.keys(), ...actual.byRecord.keys()])) {
    const [was, is] = [expected, actual].map(({ byRecord }) => ({ outputs: byRecord.get(name) ?? [], trace: [] }));
    const [difference] = differencesOf(was, is);
    if (difference) throw failed(name, difference, each, options);
  }
  for (const key of new Set([...expected.state.keys(), ...actual.state.keys()])) {
    const [recorded, replayed] = [expected.state.get(key), actual.state.get(key)];
    if (recorded !== replayed) throw failed(undefined, { field: `state["${key}"]`, recorded, replayed }, each, options);
  }
}

function failed(
  record: string | undefined,
  { field, recorded, replayed }: { readonly field: string; readonly recorded: unknown; readonly replayed: unknown },
  each: Case,
  options: ExploreOptions,
): ExplorationFailed {
  const show = (value: unknown) => value === undefined ? "nothing" : JSON.stringify(value);
  const message = [
    `The result depends on how the records come: ${field}${record === undefined ? " at the end" : ` of ${record}`}`,
    `  in one feed  ${show(recorded)}`,
    `  otherwise    ${show(replayed)}`,
    `  otherwise: ${describe(each, options)}`,
  ].join("\n");
  return new ExplorationFailed(message, field, record);
}

function describe({ sizes, crashes, order, gapsMs }: Case, options: ExploreOptions): string {
  return [
    `feeds of ${sizes.join(", ")} records`.replaceAll("Infinity", "all"),
    ...(crashes.some((each) => each)
      ? [`crashes after feeds: ${crashes.map((each) => each ? "yes" : "no").join(", ")}`]
      : []),
    ...(options.orders ? [`next partition: ${order.join(", ")}`] : []),
    ...(gapsMs.some((gap) => gap > 0) ? [`time between records: ${gapsMs.join(", ")} ms`] : []),
  ].join("; ");
}
