/** A pipeline from its declaration: what a YAML file becomes. */

import type { Codecs, Processor } from "../../engine/processor.ts";
import type { JunctionOperator, Operator, Sides } from "../pipeline/operator.ts";
import { pipeline, type PipelineBuilder } from "../pipeline/pipeline.ts";
import type { SideStreams, Stream } from "../pipeline/stream.ts";
import { merge } from "../operators/merge.ts";
import type { SourceOptions } from "../pipeline/source_stage.ts";
import { compileValue } from "./expression.ts";
import { declaredFormat } from "./formats.ts";
import { declaredJoin } from "./joins.ts";
import { DeclarationError, type InputSpec, type PipelineSpec, type StepSpec } from "./spec.ts";
import { CONTROL_STEPS } from "./control_steps.ts";
import { STEPS } from "./steps.ts";

/** What a module of an own operator exports: the operator, or what makes it from the options beside `use`. */
export type OwnOperator =
  | Operator<unknown, unknown, Sides>
  | ((options: unknown) => Operator<unknown, unknown, Sides>);

/** Members of a step that say where its side streams go. */
const SIDE_NAMES: readonly string[] = ["late", "rejects", "repeats", "excess", "failed", "expired"];

const ALL_STEPS = { ...STEPS, ...CONTROL_STEPS };

type Options = Readonly<Record<string, unknown>>;
type AnyStream = Stream<unknown>;

interface Building {
  readonly spec: PipelineSpec;
  readonly own: Readonly<Record<string, OwnOperator>>;
  readonly streams: ReadonlyMap<string, AnyStream>;
  /** Inputs and outputs that something is done with. */
  readonly used: Record<"from" | "to", Set<string>>;
}

/**
 * Makes the pipeline that `spec` declares.
 *
 * @param own the operators of `use`, by what is written there
 * @throws {DeclarationError} when a part of it cannot be
 */
export function declaredPipeline(
  spec: PipelineSpec,
  own: Readonly<Record<string, OwnOperator>> = {},
): Processor<Codecs, Codecs> {
  return pipeline(spec.name, (builder) => {
    const streams = new Map<string, AnyStream>();
    const [[first], [output]] = [Object.keys(spec.inputs), Object.keys(spec.outputs)];
    const used = { from: new Set([first]), to: new Set([output]) };
    const building = { spec, own, streams, used };
    for (const [name, input] of Object.entries(spec.inputs)) {
      const begun = at(["from", name], () => addInput(builder, name, input));
      streams.set(name, addSteps(building, begun, input.steps ?? [], ["from", name, "steps"]));
    }
    const end = addSteps(building, streams.get(first)!, spec.steps, ["steps"]);
    end.to(output, declaredFormat(spec.outputs[output].format));
    requireUsed(building);
  });
}

/** What is read in vain, or never written, is more likely a mistake. */
function requireUsed({ spec, used }: Building): void {
  for (const name of Object.keys(spec.inputs)) {
    if (!used.from.has(name)) refuse(["from", name], `Cannot use input ${name}: no step joins or merges it`);
  }
  for (const name of Object.keys(spec.outputs)) {
    if (!used.to.has(name)) refuse(["to", name], `Cannot use output ${name}: no step sends anything there`);
  }
}

function refuse(path: readonly (string | number)[], message: string): never {
  return at(path, () => {
    throw new TypeError(message);
  });
}

function addInput(builder: PipelineBuilder, name: string, input: InputSpec): AnyStream {
  const { time, lateness, idle } = input;
  const timeOf = time === undefined ? undefined : compileValue(time);
  const options: SourceOptions<unknown> = {
    ...(timeOf ? { time: (value) => timeOf(value) as number } : {}),
    ...(lateness === undefined ? {} : { lateness }),
    ...(idle === undefined ? {} : { idle }),
  };
  const codec = declaredFormat(input.format);
  return input.table ? builder.table(name, codec, options) : builder.from(name, codec, options);
}

function addSteps(
  building: Building,
  begun: AnyStream,
  steps: readonly StepSpec[],
  path: readonly (string | number)[],
): AnyStream {
  return steps.reduce<AnyStream>(
    (stream, step, i) => at([...path, i], () => addStep(building, stream, step)),
    begun,
  );
}

function addStep(building: Building, stream: AnyStream, step: StepSpec): AnyStream {
  const after = join(building, stream, step) ?? stream.through(operatorOf(building, step), sidesOf(building, step));
  return typeof step.name === "string" ? after.named(step.name) : after;
}

function join(building: Building, stream: AnyStream, step: StepSpec): AnyStream | undefined {
  if (step.merge !== undefined) {
    const others = (step.merge as readonly string[]).map((name) => otherStream(building, name));
    return stream.meet(others, merge() as JunctionOperator<readonly [unknown, ...unknown[]], unknown>);
  }
  if (step.join === undefined) return undefined;
  const options = step.join as Options;
  const other = otherStream(building, String(options.with));
  return stream.join(other, declaredJoin(options), sidesOf(building, step));
}

function otherStream({ streams, used }: Building, name: string): AnyStream {
  used.from.add(name);
  const stream = streams.get(name);
  if (stream) return stream;
  throw new TypeError(`Cannot join with ${name}: the inputs before it are ${[...streams.keys()].join(", ")}`);
}

function operatorOf({ own }: Building, step: StepSpec): Operator<unknown, unknown, Sides> {
  if (typeof step.use === "string") {
    const found = own[step.use];
    return typeof found === "function" ? found(step.with) : found;
  }
  const kind = Object.keys(ALL_STEPS).find((name) => name in step);
  if (kind === undefined) {
    throw new TypeError(`Cannot use a step with ${Object.keys(step).join(", ")}: it does nothing`);
  }
  // In graphs it is called what the file calls it.
  return { ...ALL_STEPS[kind](step[kind]), kind, detail: detailOf(step[kind]) };
}

const DETAIL_UNITS_MAX = 80;

function detailOf(options: unknown): string {
  const text = plainText(options);
  return text.length <= DETAIL_UNITS_MAX ? text : `${text.slice(0, DETAIL_UNITS_MAX)}…`;
}

/** Like JSON, without quotes around names and texts: those within, of an expression, are its own. */
function plainText(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return `[${value.map(plainText).join(",")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  return `{${Object.entries(value).map(([name, each]) => `${name}:${plainText(each)}`).join(",")}}`;
}

/** Side streams go to outputs, by name; those of a split by the names of its branches. */
function sidesOf({ spec, used }: Building, step: StepSpec): SideStreams<Sides> {
  const named = SIDE_NAMES.filter((name) => step[name] !== undefined).map((name) => [name, String(step[name])]);
  const branches = Object.keys((step.split ?? {}) as Options).map((name) => [name, name]);
  return Object.fromEntries([...named, ...branches].map(([side, output]) => {
    const known = Object.hasOwn(spec.outputs, output) ? spec.outputs[output] : undefined;
    if (!known) {
      throw new TypeError(`Cannot send ${side} to ${output}: the outputs are ${Object.keys(spec.outputs).join(", ")}`);
    }
    used.to.add(output);
    return [side, (stream: AnyStream) => stream.to(output, declaredFormat(known.format))];
  }));
}

function at<T>(path: readonly (string | number)[], build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (error instanceof DeclarationError) throw error;
    throw new DeclarationError(path, (error as Error).message, error);
  }
}
