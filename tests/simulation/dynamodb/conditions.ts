/**
 * Conditions of DynamoDB, as far as the adapter uses them: comparisons for equality, functions, AND, OR, parentheses
 * (docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html).
 */

/** An attribute's value as it is sent, such as `{ "N": "1" }`. */
export type Attribute = Readonly<Record<string, unknown>>;

/** The attributes of an item, its keys among them. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** What `#names` and `:values` of an expression stand for. */
export interface Placeholders {
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues?: Attributes;
}

/** Whether `expression` holds for `item`. */
export function holds(expression: string, item: Attributes, placeholders: Placeholders): boolean {
  const condition = new Condition(expression, item, placeholders);
  return condition.either();
}

const TOKENS = /[#:]?\w+|[=(),]/g;

class Condition {
  readonly #tokens: string[];
  readonly #item: Attributes;
  readonly #placeholders: Placeholders;

  constructor(expression: string, item: Attributes, placeholders: Placeholders) {
    this.#tokens = expression.match(TOKENS) ?? [];
    this.#item = item;
    this.#placeholders = placeholders;
  }

  either(): boolean {
    let result = this.#both();
    while (this.#skip("OR")) result = this.#both() || result;
    return result;
  }

  #both(): boolean {
    let result = this.#single();
    while (this.#skip("AND")) result = this.#single() && result;
    return result;
  }

  #single(): boolean {
    if (this.#skip("(")) {
      const result = this.either();
      this.#expect(")");
      return result;
    }
    const first = this.#next();
    return /^\w/.test(first) ? this.#call(first) : this.#isEqual(first);
  }

  #call(name: string): boolean {
    this.#expect("(");
    const path = this.#next();
    const given = this.#skip(",") ? this.#valueOf(this.#next()) : undefined;
    this.#expect(")");
    const value = this.#valueOf(path);
    switch (name) {
      case "attribute_not_exists":
        return value === undefined;
      case "begins_with":
        return String(value?.S).startsWith(String(given?.S));
      default:
        throw new Error(`Cannot simulate the function ${name}`);
    }
  }

  #isEqual(first: string): boolean {
    this.#expect("=");
    const [left, right] = [this.#valueOf(first), this.#valueOf(this.#next())];
    return left !== undefined && JSON.stringify(left) === JSON.stringify(right);
  }

  #valueOf(token: string): Attribute | undefined {
    const { ExpressionAttributeNames, ExpressionAttributeValues } = this.#placeholders;
    return token.startsWith(":") ? ExpressionAttributeValues?.[token] : this.#item[ExpressionAttributeNames![token]];
  }

  #next(): string {
    return this.#tokens.shift() ?? "";
  }

  #skip(token: string): boolean {
    if (this.#tokens[0] !== token) return false;
    this.#tokens.shift();
    return true;
  }

  #expect(token: string): void {
    if (!this.#skip(token)) throw new Error(`Cannot simulate a condition with ${this.#tokens[0]} in place of ${token}`);
  }
}
