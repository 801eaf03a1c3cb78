/**
 * What a pipeline file may say. From here come the errors about what it must not, and the JSON Schema by which editors
 * complete it (`sluice schema`, docs/pipeline.schema.json).
 */

import { z } from "zod";
import { AGGREGATE_NAMES } from "../../processors/declared/aggregates.ts";
import { FORMAT_NAMES } from "../../processors/declared/formats.ts";
import { type Duration, durationMs } from "../../processors/time/duration.ts";

const expression = z.string().meta({ description: "an expression over the fields of the element (CEL)" });
// Without null: { user } in YAML says that user is null, and means that it is user.
const something = z.union([z.string(), z.number(), z.boolean(), z.array(z.unknown()), z.looseObject({})]).meta({
  description: "an expression, such as the name of a field; 'null' for none",
});
const duration = z.union([z.string(), z.number()]).refine(isDuration).meta({
  description: 'milliseconds, or text such as "30s", "1h30m"',
});
function isDuration(value: string | number): boolean {
  try {
    durationMs(value as Duration);
    return true;
  } catch {
    return false;
  }
}

const fields = z.record(z.string(), something).meta({
  description: "field: expression; what is no text stays as it is",
});
const side = z.string().meta({ description: "the output that this side stream goes to" });
const name = z.string().meta({ description: "what the step is called; its state is kept under this name" });
const nothing = z.strictObject({});
const schemas = z.union([z.string(), z.looseObject({}), z.array(z.unknown())]).meta({ description: "an Avro schema" });

/** Format → its options. */
const FORMATS: Readonly<Record<string, z.ZodType>> = {
  json: nothing,
  text: nothing,
  bytes: nothing,
  csv: z.strictObject({
    columns: z.array(z.string()).min(1).meta({ description: "the names of the fields, in order: [id, note]" }),
    delimiter: z.string().length(1).optional(),
    quote: z.string().length(1).optional(),
    escape: z.string().length(1).optional(),
    absent: z.string().optional(),
  }),
  msgpack: z.strictObject({ bigints: z.boolean().optional() }),
  avro: z.strictObject({
    schema: schemas,
    frame: z.enum(["raw", "single-object", "confluent"]).optional(),
    writers: z.array(schemas).optional(),
    registered: z.record(z.string(), schemas).optional(),
    id: z.number().int().optional(),
  }),
};
/** Those that need no options. */
const BARE_FORMATS = FORMAT_NAMES.filter((name) => FORMATS[name].safeParse({}).success);

const format = z.union([
  z.enum(BARE_FORMATS as [string, ...string[]]),
  oneOf(FORMATS),
]).meta({ description: `how values are written: ${BARE_FORMATS.join(", ")}, or a name with options` });

const aggregated = z.union([expression, z.number()]);
/** Aggregate → what it is told. */
const AGGREGATES: Readonly<Record<string, z.ZodType>> = {
  ...Object.fromEntries(AGGREGATE_NAMES.map((name) => [name, aggregated])),
  count: z.union([expression, z.null()]),
  collect: z.union([expression, z.strictObject({ of: expression, max: z.number().int().positive().optional() })]),
  top: z.strictObject({ n: z.number().int().positive(), by: expression, of: expression.optional() }),
  quantiles: z.strictObject({
    of: expression,
    at: z.array(z.number().min(0).max(1)).min(1).meta({ description: "from 0 to 1: [0.5, 0.99]" }),
  }),
  histogram: z.strictObject({
    of: expression,
    bounds: z.array(z.number()).min(1).meta({ description: "rising numbers: [10, 100]" }),
  }),
  correlation: z.tuple([expression, expression]),
};

const aggregate = z.union([z.literal("count"), oneOf(AGGREGATES)]).meta({
  description: "count, or an aggregate with its expression: { sum: cents }",
});

/** That it is one and no more is looked at when it is made. */
function oneOf(kinds: Readonly<Record<string, z.ZodType>>): z.ZodType {
  return z.strictObject(Object.fromEntries(Object.entries(kinds).map(([kind, options]) => [kind, options.optional()])));
}

const windowKinds = {
  tumbling: duration.optional(),
  hopping: z.strictObject({ size: duration, every: duration }).optional(),
  calendar: z.union([
    z.enum(["hour", "day", "week", "month", "year"]),
    z.strictObject({ unit: z.enum(["hour", "day", "week", "month", "year"]), zone: z.string().optional() }),
  ]).optional(),
  session: duration.optional(),
  sliding: duration.optional(),
  count: z.number().int().positive().optional(),
  change: expression.optional(),
  offset: duration.optional(),
  ttl: duration.optional(),
};

const window = z.strictObject({
  ...windowKinds,
  aggregate: z.record(z.string(), aggregate),
  emit: z.union([z.enum(["close", "update"]), z.number().int().positive()]).optional().meta({
    description: "close, update, or after how many elements of a key a result is given besides",
  }),
  retract: z.boolean().optional(),
});

const join = z.strictObject({
  with: z.string().meta({ description: "the other input" }),
  kind: z.enum(["inner", "left", "outer"]).optional(),
  within: duration.optional(),
  before: duration.optional(),
  after: duration.optional(),
  window: z.strictObject(windowKinds).optional(),
  "as-of": z.union([z.literal(true), duration]).optional().meta({ description: 'true, or how old at most: "5m"' }),
  table: z.literal(true).optional(),
  select: fields.optional().meta({ description: "field: expression over left and right" }),
});

const correction = z.union([
  z.enum(["date", "number", "text"]),
  z.strictObject({ date: z.strictObject({ order: z.enum(["dmy", "mdy"]).optional(), zone: z.string().optional() }) }),
  z.strictObject({ number: z.strictObject({ decimal: z.enum([".", ","]).optional() }) }),
  z.strictObject({ text: z.strictObject({ letters: z.enum(["lower", "upper"]).optional() }) }),
]).meta({ description: "date, number or text, or one with options: { number: { decimal: ',' } }" });

const yes = z.union([z.literal(true), z.null()]).meta({ description: "true" });

/** Member of a step that says what it does → what may be written there, and beside it. */
const STEPS: Readonly<Record<string, readonly [options: z.ZodType, beside: z.ZodRawShape, about: string]>> = {
  filter: [expression, {}, "keeps the elements for which the expression is true"],
  project: [fields, {}, "makes an object of these fields"],
  set: [fields, {}, "adds or replaces fields"],
  drop: [z.array(z.string()), {}, "leaves fields out"],
  key: [z.union([expression, z.array(expression)]), {}, "groups by an expression, or several"],
  flatten: [expression, {}, "makes an element of each in a list"],
  window: [window, { late: side.optional() }, "divides into windows and aggregates each"],
  join: [join, { late: side.optional() }, "joins with another input"],
  merge: [z.array(z.string()), {}, "adds the elements of other inputs"],
  dedupe: [
    z.strictObject({ by: z.union([expression, z.array(expression)]).optional(), ttl: duration }),
    { repeats: side.optional(), late: side.optional() },
    "leaves out what repeats within a time",
  ],
  check: [
    z.record(z.string(), expression),
    { rejects: side.optional() },
    "rejects elements for which a rule is not true",
  ],
  correct: [
    z.record(z.string(), correction),
    { rejects: side.optional() },
    "puts dates, numbers and text into one form",
  ],
  outliers: [
    z.strictObject({
      of: expression,
      method: z.enum(["z-score", "iqr", "mad"]),
      threshold: z.number().positive().optional(),
      over: z.number().int().positive().optional(),
      least: z.number().int().positive().optional(),
      ttl: duration.optional(),
    }),
    { rejects: side.optional() },
    "takes out numbers that are far from the last ones",
  ],
  "rate-limit": [
    z.strictObject({ count: z.number().int().positive(), per: duration }),
    { excess: side.optional() },
    "lets so many elements of a key through per time",
  ],
  throttle: [duration, {}, "passes on the latest of each key every so often"],
  sample: [z.number().min(0).max(1), {}, "passes on a random share"],
  "in-order": [yes, { late: side.optional() }, "puts elements into the order of time"],
  changes: [yes, {}, "says what changes in a table"],
  split: [
    z.record(z.string(), expression).refine((branches) => Object.keys(branches).length > 0).meta({
      description: "output: expression, for one output at least",
    }),
    {},
    "sends each element to the first output whose expression is true",
  ],
  enrich: [
    z.strictObject({
      effect: z.string(),
      ask: expression,
      as: z.string(),
      cache: duration.optional(),
      cacheMax: z.number().int().positive().optional(),
      timeout: duration.optional(),
      retries: z.number().int().nonnegative().optional(),
    }),
    { failed: side.optional() },
    "asks a handler of effects and adds its answer as a field",
  ],
  alert: [
    z.strictObject({ raise: expression, clear: expression.optional(), after: duration.optional() }),
    {},
    "raises and clears incidents",
  ],
  sequence: [
    z.strictObject({ parts: z.array(expression).min(2), within: duration, without: expression.optional() }),
    { expired: side.optional() },
    "finds elements that follow one another",
  ],
  use: [
    z.string(),
    {
      with: z.unknown().optional(),
      late: side.optional(),
      rejects: side.optional(),
      repeats: side.optional(),
      excess: side.optional(),
      failed: side.optional(),
      expired: side.optional(),
    },
    "an operator of a script: ./operators.ts, or ./operators.ts#name",
  ],
};

/** The names of all steps. */
export const STEP_NAMES: readonly string[] = Object.keys(STEPS);

/** Step → what may be written in it. */
export const STEP_SCHEMAS: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  Object.entries(STEPS).map(([kind, [options, beside, about]]) => [
    kind,
    z.strictObject({ [kind]: options, name: name.optional(), ...beside }).meta({ description: about }),
  ]),
);

/** Options of `sluice run` that a pipeline may set. */
const run = z.strictObject({
  clock: z.enum(["feed", "event"]).optional(),
  seed: z.number().int().optional(),
  "on-error": z.enum(["halt", "dead-letter", "skip"]).optional(),
  capture: z.enum(["auto", "all", "none"]).optional(),
  isolation: z.enum(["worker", "process"]).optional(),
  effects: z.string().optional(),
  workers: z.number().int().positive().optional(),
  tasks: z.number().int().positive().optional(),
  "feed-records": z.number().int().positive().optional(),
  linger: z.number().nonnegative().optional(),
  "record-timeout": z.number().positive().optional(),
  "until-end": z.boolean().optional(),
}).meta({ description: "options of sluice run; what is typed wins" });

/** A pipeline; what its steps may hold is `step`'s business. */
function pipelineWith(step: z.ZodType): z.ZodType {
  const input = z.strictObject({
    uri: z.string().optional().meta({ description: "the stream; --from gives it otherwise" }),
    format: format.optional(),
    time: expression.optional().meta({ description: "event time: an expression for milliseconds or ISO 8601" }),
    lateness: duration.optional().meta({ description: 'how far records may be out of order, such as "10s"' }),
    idle: duration.optional().meta({ description: 'after what silence a partition holds up nobody, such as "1m"' }),
    table: z.boolean().optional().meta({ description: "true where the latest value of a key counts, or false" }),
    steps: z.array(step).optional().meta({ description: "what is done before it meets other inputs" }),
  });
  const output = z.strictObject({ uri: z.string().optional(), format: format.optional() });
  return z.strictObject({
    name: z.string().regex(/^[A-Za-z0-9_][\w.-]*$/).meta({ description: "the name of the pipeline and of its run" }),
    description: z.string().optional(),
    from: z.union([z.string(), z.record(z.string(), z.union([z.string(), input]))]).meta({
      description: "a URI, or name: input for each input; steps begin with the first",
    }),
    steps: z.array(step).optional(),
    to: z.union([z.string(), z.record(z.string(), z.union([z.string(), output, z.null()]))]).meta({
      description: "a URI, or name: output for each output; the stream goes to the first",
    }),
    run: run.optional(),
  });
}

/** A pipeline whose steps are looked at one by one, so that errors are about the step that was meant. */
export const PIPELINE_SCHEMA: z.ZodType = pipelineWith(z.looseObject({}));

/** The JSON Schema of a pipeline file. */
export function jsonSchema(): object {
  const pipeline = pipelineWith(z.union(Object.values(STEP_SCHEMAS) as [z.ZodType, z.ZodType]));
  const file = z.union([pipeline, z.strictObject({ pipelines: z.array(pipeline) })]).meta({
    title: "Sluice pipelines",
    description: "What sluice run takes: docs/PIPELINES.md",
  });
  return z.toJSONSchema(file, { io: "input" });
}
