/** The processors that worlds run: what they emit depends on order, state, time, chance and timers, and on nothing else. */

import { bundleProcessor } from "../../controller/sandbox/bundle.ts";
import { Cell } from "../../controller/sandbox/cell.ts";
import type { JournaledCode } from "../../controller/journal/journal.ts";
import type { Scenario } from "./scenario.ts";
import { TestFolder } from "../support/processor_script.ts";

/** Of which amounts records fail. */
const FAILING = { of: 29, at: 4 };

/** At which totals of their keys alarms fail. */
const FAILING_ALARM = { of: 7, at: 4 };

/** Whether the record of this amount fails. */
export function fails(amount: number): boolean {
  return amount % FAILING.of === FAILING.at;
}

/** How many inputs and outputs a processor has. */
type Shape = Pick<Scenario, "otherSource" | "otherSink">;

interface ScriptOptions {
  readonly known: string;
  /** Whether it has a second input. */
  readonly reads: boolean;
  /** Whether it has a second output. */
  readonly other: boolean;
  /** Whether records that failed do nothing. */
  readonly isMended?: boolean;
}

/** A key's running total, alarms behind it, what others say of it; and now and then a record or an alarm that fails in the end. */
const scriptOf = ({ known, reads, other, isMended = false }: ScriptOptions): string =>
  `import { defineProcessor, json } from "@sluice/sluice/processor";
async function emitRated(context, value) {
  const rate = await context.effect("rate", value).catch(() => null);
  context.emit({ key: value.key, value: { ...value, rate, at: context.now } });
}
export default defineProcessor({
  name: "totals",
  ${reads ? "inputs: { default: json(), other: json() }" : "input: json()"},
  ${other ? "outputs: { default: json(), other: json() }" : "output: json()"},
  process({ value, key, partition }, context) {
    if (${isMended} && value.amount % ${FAILING.of} === ${FAILING.at}) return;
    const ${known} = context.state.get(key) ?? { count: 0, total: 0, partition };
    const now = { count: ${known}.count + 1, total: ${known}.total + value.amount, partition };
    context.state.set(key, now);
    const emit = (kind, output) => {
      const value = { key, kind, ...now, at: context.now, chance: Math.random(), id: context.uuid() };
      context.emit({ key, value }, output);
    };
    if (value.amount % 5 !== 0) emit("total", "default");
    if (value.amount % ${other ? 2 : 7} === 0) emit("again", "${other ? "other" : "default"}");
    if (now.count % 4 === 0) context.timers.set(key, context.now + 20);
    if (now.count % 9 === 0) context.state.delete(key);
    if (value.amount % ${FAILING.of} === ${FAILING.at}) throw new Error("unlucky");
    if (value.amount % 11 === 2) return emitRated(context, { key, kind: "rated", ...now });
  },
  onTimer({ key }, context) {
    const known = context.state.get(key) ?? null;
    const isUnlucky = known !== null && known.total % ${FAILING_ALARM.of} === ${FAILING_ALARM.at};
    if (${isMended} && isUnlucky) return;
    context.emit({ key, value: { key, kind: "alarm", known, at: context.now } });
    if (isUnlucky) throw new Error("unlucky");
  },
});
`;

/** Of the run beside the one that is looked at. */
const NEIGHBOUR = `import { defineProcessor, json } from "@sluice/sluice/processor";
export default defineProcessor({
  name: "neighbour",
  input: json(),
  output: json(),
  process({ value }, { state, emit, now }) {
    const before = state.get("before") ?? 0;
    state.set("before", before + value);
    emit({ value: ["neighbour", value, before, now, Math.random()] });
  },
});
`;

/** What worlds run. */
export async function loadSimulatedProcessors(): Promise<SimulatedProcessors> {
  await using folder = new TestFolder();
  const loaded = new Map<string, SimulatedProcessor>();
  for (const reads of [false, true]) {
    for (const other of [false, true]) loaded.set(nameOf(reads, other), await load(folder, { reads, other }));
  }
  const { hash, code, sourceMap } = await bundleProcessor(folder.write("neighbour.ts", NEIGHBOUR));
  const neighbour = { hash, bundle: code, sourceMap, script: "neighbour.ts" };
  return {
    neighbour,
    of: ({ otherSource, otherSink }) => loaded.get(nameOf(otherSource !== undefined, otherSink !== undefined))!,
  };
}

function nameOf(reads: boolean, other: boolean): string {
  return `${reads ? "two inputs" : "one input"}, ${other ? "two outputs" : "one output"}`;
}

async function load(folder: TestFolder, shape: Pick<ScriptOptions, "reads" | "other">): Promise<SimulatedProcessor> {
  const bundleOf = async (options: ScriptOptions): Promise<JournaledCode> => {
    const path = folder.write(`${JSON.stringify(options).replaceAll(/\W/g, "")}.ts`, scriptOf(options));
    const { hash, code, sourceMap } = await bundleProcessor(path);
    return { hash, bundle: code, sourceMap, script: "totals.ts" };
  };
  const codes = await Promise.all(["known", "before"].map((known) => bundleOf({ known, ...shape })));
  const mended = await bundleOf({ known: "known", ...shape, isMended: true });
  return { codes, mended, info: new Cell(codes[0].bundle, { initialTimeMs: 0, seed: 0, recordTimeMsMax: 1000 }).info };
}

/** See {@linkcode loadSimulatedProcessors}. */
export interface SimulatedProcessors {
  /** Of the run beside the one that is looked at. */
  readonly neighbour: JournaledCode;
  /** The processor with the inputs and outputs of a scenario. */
  of(shape: Shape): SimulatedProcessor;
}

/** One processor, in two versions that do the same. */
export interface SimulatedProcessor {
  readonly codes: readonly JournaledCode[];
  /** The same, in which nothing fails. */
  readonly mended: JournaledCode;
  readonly info: Cell["info"];
}
