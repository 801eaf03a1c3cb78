/**
 * Expressions of declared pipelines: the Common Expression Language (cel.dev), which terminates, has no side effects and
 * reaches nothing but the element. docs/decisions/0016 says why this language and this library.
 *
 * The fields of an element are its variables; `value`, `key` and `timeMs` are the whole, its key and its time. Beyond the
 * standard, whole and fractional numbers may be mixed: numbers of JSON are fractional, literals such as `100` are whole.
 */

import { type ASTNode, Environment } from "@marcbachmann/cel-js";
import type { Key } from "../pipeline/operator.ts";

/** Computes something of an element. */
export type Expression = (value: unknown, key: Key, timeMs: number) => unknown;

/** An expression that cannot be read, or that an element does not suit. */
export class ExpressionFailed extends Error {
  override readonly name = "ExpressionFailed";
  readonly code = "E_EXPRESSION";
  /** The expression. */
  readonly expression: string;

  constructor(act: string, expression: string, cause: unknown) {
    const [reason] = String((cause as Error).message).split("\n");
    super(`Cannot ${act} ${JSON.stringify(expression)}: ${reason}`, { cause });
    this.expression = expression;
  }
}

type Arithmetic = (a: number, b: number) => number;

const OPERATORS: Readonly<Record<string, Arithmetic>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
};

const environment = buildEnvironment();

function buildEnvironment(): Environment {
  const built = new Environment({ unlistedVariablesAreDyn: true, homogeneousAggregateLiterals: false });
  for (const [sign, compute] of Object.entries(OPERATORS)) {
    built.registerOperator(`double ${sign} int`, (a: number, b: bigint) => compute(a, Number(b)));
    built.registerOperator(`int ${sign} double`, (a: bigint, b: number) => compute(Number(a), b));
  }
  built.registerOperator("double % double", OPERATORS["%"]);
  built.registerFunction("round(double): double", (x: number) => Math.round(x));
  built.registerFunction("round(double, int): double", (x: number, digits: bigint) => {
    const scale = 10 ** Number(digits);
    return Math.round(x * scale) / scale;
  });
  built.registerFunction("floor(double): double", (x: number) => Math.floor(x));
  built.registerFunction("ceil(double): double", (x: number) => Math.ceil(x));
  built.registerFunction("abs(double): double", (x: number) => Math.abs(x));
  built.registerFunction("lower(string): string", (text: string) => text.toLowerCase());
  built.registerFunction("upper(string): string", (text: string) => text.toUpperCase());
  built.registerFunction("text(dyn): string", (value: unknown) => asText(value));
  built.registerFunction("timestamp(double): google.protobuf.Timestamp", (timeMs: number) => new Date(timeMs));
  return built;
}

function asText(value: unknown): string {
  const plain = asJson(value);
  return typeof plain === "string" ? plain : JSON.stringify(plain);
}

/**
 * Compiles an expression whose result is JSON.
 *
 * @throws {ExpressionFailed} when it is none
 */
export function compileExpression(text: string): Expression {
  const compute = compile(text);
  return (value, key, timeMs) => asJson(compute(value, key, timeMs));
}

/** An expression of the value alone: where it is computed, there is no key and no time. */
export function compileValue(text: string): (value: unknown) => unknown {
  const compute = compileExpression(text);
  const names = namesIn(parse(text).ast);
  const unknown = ["key", "timeMs"].find((name) => names.has(name));
  if (unknown !== undefined) {
    throw new ExpressionFailed("use", text, new TypeError(`${unknown} is not known here; a field is value.${unknown}`));
  }
  return (value) => compute(value, null, 0);
}

/** An expression that says yes or no. */
export function compileCondition(text: string): (value: unknown, key: Key, timeMs: number) => boolean {
  const compute = compile(text);
  return (value, key, timeMs) => {
    const answer = compute(value, key, timeMs);
    if (typeof answer === "boolean") return answer;
    const is = JSON.stringify(asJson(answer));
    throw new ExpressionFailed("use", text, new TypeError(`it is ${is}, true or false is wanted`));
  };
}

/** An expression that gives a number; null counts as absent. */
export function compileNumber(text: string): (value: unknown) => number | null {
  const compute = compileValue(text);
  return (value) => {
    const answer = compute(value);
    if (typeof answer === "number" || answer === null) return answer;
    throw new ExpressionFailed("use", text, new TypeError(`it is ${JSON.stringify(answer)}, a number is wanted`));
  };
}

function compile(text: string): Expression {
  const evaluate = parse(text);
  const names = namesIn(evaluate.ast);
  const asksForPlace = PLACE.some((name) => names.has(name));
  return (value, key, timeMs) => {
    try {
      const fields = typeof value === "object" && value !== null ? value : {};
      return evaluate(asksForPlace ? { ...fields, value, key, timeMs } : fields as Record<string, unknown>);
    } catch (error) {
      throw new ExpressionFailed("compute", text, explained(error, value));
    }
  };
}

/** The library calls fields variables, does not say which there are, nor how to ask for them. */
function explained(error: unknown, value: unknown): unknown {
  const { message } = error as Error;
  if (message.startsWith("No such key")) {
    const [first] = message.split("\n");
    return new TypeError(`${first}; has(…) asks for one that may be missing, or whose owner is null`);
  }
  const [, name] = /^Unknown variable: (\S+)/.exec(message) ?? [];
  if (name === undefined) return error;
  const fields = typeof value === "object" && value !== null ? Object.keys(value) : [];
  const others = fields.length > 0 ? `its fields are ${fields.join(", ")}` : "it has no fields; value is the whole";
  return new TypeError(`there is no field ${name}, ${others}; has(value.${name}) asks for one that may be missing`);
}

/** Variables that are no fields. */
const PLACE = ["value", "key", "timeMs"];

function parse(text: string): ReturnType<Environment["parse"]> {
  try {
    const parsed = environment.parse(text);
    // What no element can make right, such as text less a number, is known before the first one.
    const { valid, error } = parsed.check();
    if (!valid) throw error;
    return parsed;
  } catch (error) {
    throw new ExpressionFailed("read", text, error);
  }
}

function namesIn(node: unknown, found: Set<string> = new Set()): ReadonlySet<string> {
  if (Array.isArray(node)) { for (const each of node) namesIn(each, found); }
  if (typeof node !== "object" || node === null || !("op" in node)) return found;
  const { op, args } = node as ASTNode;
  if (op === "id") found.add(args as string);
  else namesIn(args, found);
  return found;
}

/** What CEL computes as JSON: whole numbers as numbers, times as ISO 8601, durations in milliseconds. */
export function asJson(value: unknown): unknown {
  if (typeof value === "bigint") return wholeNumber(value);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(asJson);
  if (value instanceof Map) return asJson(Object.fromEntries(value));
  if ("seconds" in value && "nanos" in value && typeof value.seconds === "bigint") {
    return Number(value.seconds) * 1000 + Number(value.nanos) / 1e6;
  }
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, asJson(each)]));
}

function wholeNumber(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new RangeError(`${value} is too large for a number of JSON; use text(…)`);
}
