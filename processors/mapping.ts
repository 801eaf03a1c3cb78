/**
 * Mappings from JSON values to JSON objects, as JSON.
 *
 * `{ "id": "order.id", "euros": { "div": ["cents", 100] }, "kind": { "value": "order" } }`: text is the path of a field,
 * `value` is a constant, and `add`, `sub`, `mul`, `div`, `concat`, `lower`, `upper` and `coalesce` compute from fields,
 * numbers and each other. What a path does not find is left out.
 */

import { fieldAt, isObject } from "./field.ts";

/** Makes one field. */
type Expression = (value: unknown) => unknown;

type Operator = (operands: readonly unknown[]) => unknown;

const OPERATORS: Readonly<Record<string, Operator>> = {
  add: numeric((a, b) => a + b),
  sub: numeric((a, b) => a - b),
  mul: numeric((a, b) => a * b),
  div: numeric((a, b) => a / b),
  concat: (operands) => operands.map((operand) => operand ?? "").join(""),
  lower: ([text]) => typeof text === "string" ? text.toLowerCase() : undefined,
  upper: ([text]) => typeof text === "string" ? text.toUpperCase() : undefined,
  coalesce: (operands) => operands.find((operand) => operand !== undefined && operand !== null),
};

/**
 * Compiles a mapping.
 *
 * @throws {TypeError} when it is none
 */
export function compileMapping(mapping: unknown): (value: unknown) => Readonly<Record<string, unknown>> {
  if (!isObject(mapping)) {
    throw new TypeError(
      `Cannot use mapping ${JSON.stringify(mapping)}: an object is wanted, such as {"id":"order.id"}`,
    );
  }
  const fields = Object.entries(mapping).map(([name, expression]) => [name, compile(name, expression)] as const);
  return (value) => {
    const mapped: Record<string, unknown> = {};
    for (const [name, expression] of fields) {
      const field = expression(value);
      if (field !== undefined) mapped[name] = field;
    }
    return mapped;
  };
}

function compile(name: string, expression: unknown): Expression {
  if (typeof expression === "string") return (value) => fieldAt(value, expression);
  if (typeof expression === "number") return () => expression;
  const [operator, ...others] = isObject(expression) ? Object.keys(expression) : [];
  if (operator === undefined || others.length > 0) throw noExpression(name, expression);
  const operand = (expression as Readonly<Record<string, unknown>>)[operator];
  if (operator === "value") return () => operand;
  if (!Object.hasOwn(OPERATORS, operator)) throw noExpression(name, expression);
  const operands = (Array.isArray(operand) ? operand : [operand]).map((part) => compile(name, part));
  const compute = OPERATORS[operator];
  return (value) => compute(operands.map((part) => part(value)));
}

function numeric(compute: (a: number, b: number) => number): Operator {
  return (operands) => {
    if (operands.length === 0 || !operands.every((operand) => typeof operand === "number")) return undefined;
    const result = operands.reduce(compute);
    // JSON has no form for infinity; dividing by zero gives no field.
    return Number.isFinite(result) ? result : undefined;
  };
}

function noExpression(name: string, expression: unknown): TypeError {
  const known = ["value", ...Object.keys(OPERATORS)].join(", ");
  return new TypeError(
    `Cannot compute ${name} by ${
      JSON.stringify(expression)
    }: a path, a number, or an object with one of ${known} is wanted`,
  );
}
