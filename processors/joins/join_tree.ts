/**
 * `joinTree`: one stream with several others, by expressions that rise: sequence numbers, frames, positions.
 *
 * Every element of the first stream (the master) comes out once, with all elements that belong to it, as soon as no more
 * of them can come. Time plays no part; what has come is known from the expressions.
 *
 * State: `<step>:master|<number>` masters that wait; `<step>:<branch>|<value>` elements by the value they are found by;
 * `<step>:left<branch>|<partition>` and `:right<branch>|<partition>` how far the expressions are; `<step>:next` numbers.
 */

import type { State } from "../../engine/state.ts";
import type { Junction, JunctionOperator, Key, Scope, Stage } from "../pipeline/operator.ts";

/** A stream that is joined to the master, or to another branch. */
export interface Branch<Parent, Own> {
  /** Which of the joined streams: 1 for the first after the master. */
  readonly input: number;
  /** The branch that it is joined to; the master unless given. */
  readonly on?: Branch<never, Parent>;
  /** The value of an element of the parent. */
  readonly left: (parent: Parent) => number;
  /** The value of an element of this stream: equal ones belong together. */
  readonly right: (own: Own) => number;
  /** By how much a value may be lower than the highest one of its partition before it. @default {0} */
  readonly slack?: number;
}

/** Describes a branch. */
export function branch<Parent, Own>(description: Branch<Parent, Own>): Branch<Parent, Own> {
  return description;
}

/** The elements of `branch` that belong to `parent`, in the order in which they came. */
export type Matches = <Parent, Own>(branch: Branch<Parent, Own>, parent: Parent) => readonly Own[];

/** An element of a branch that came when nothing could wait for it any more, or one whose value is no number. */
export class ExpressionError extends Error {
  /** The name of the class. */
  override readonly name = "ExpressionError";
  /** What programs tell it by. */
  readonly code = "E_EXPRESSION";
}

type AnyBranch = Branch<unknown, unknown>;

/**
 * Joins streams as a tree; a stream may be joined with itself.
 *
 * - Results are in the order in which masters came, at the time of the master.
 * - Several partitions: a value has been passed when each partition of its stream has passed it. A partition counts from
 *   its first element on.
 * - A value that is lower than `slack` allows fails its record: what it belongs to may be out already.
 * - Bound: what one stream is ahead of the others.
 */
export function joinTree<Master, Others extends readonly unknown[], Out>(
  branches: readonly Branch<never, never>[],
  combine: (master: Master, matches: Matches, key: Key) => Out,
): JunctionOperator<readonly [Master, ...Others], Out> {
  const all = branches as unknown as readonly AnyBranch[];
  all.forEach(({ on }, i) => {
    if (on !== undefined && !(all.indexOf(on as AnyBranch) < i && all.includes(on as AnyBranch))) {
      throw new TypeError(`Cannot join branch ${i}: the branch that it is on must be given before it`);
    }
  });
  return {
    kind: "join",
    detail: `tree of ${branches.length + 1} streams`,
    isStateful: true,
    open: (scope, down) => new JoinTree(scope, down as Stage<unknown>, all, combine as JoinTreeCombine),
  };
}

type JoinTreeCombine = (master: unknown, matches: Matches, key: Key) => unknown;
type Waiting = readonly [value: unknown, key: Key, timeMs: number];

/** Which masters wait: from `first` up to before `next`; and how many elements there were in all. */
interface Numbers {
  readonly first: number;
  readonly next: number;
  readonly elements: number;
}

const MASTER = 0;
/** Forgetting looks at everything that waits; it need not be done for every element. */
const FORGET_EVERY = 64;

class JoinTree implements Junction {
  readonly #scope: Scope;
  readonly #state: State;
  readonly #down: Stage<unknown>;
  readonly #branches: readonly AnyBranch[];
  readonly #combine: JoinTreeCombine;
  #isEnded = false;

  constructor(scope: Scope, down: Stage<unknown>, branches: readonly AnyBranch[], combine: JoinTreeCombine) {
    this.#scope = scope;
    this.#state = scope.state;
    this.#down = down;
    this.#branches = branches;
    this.#combine = combine;
  }

  push(input: number, value: unknown, key: Key, timeMs: number): void {
    const { first, next, elements } = this.#numbers;
    const isMaster = input === MASTER;
    if (isMaster) {
      this.#progressLefts(undefined, value);
      this.#masters.set(String(next), [value, key, timeMs]);
    }
    this.#state.set(this.#numbersKey, { first, next: isMaster ? next + 1 : next, elements: elements + 1 });
    this.#branches.forEach((each, i) => {
      if (each.input === input) this.#add(i, value);
    });
    this.#release();
    if (elements % FORGET_EVERY === 0) this.#forget();
  }

  advance(watermarkMs: number): void {
    if (watermarkMs === Infinity) {
      this.#isEnded = true;
      this.#release();
      this.#forget();
      this.#isEnded = false;
      return this.#down.advance(watermarkMs);
    }
    // Masters that wait will come out with their own times.
    let lowestMs = watermarkMs;
    for (const [, , timeMs] of this.#waiting()) lowestMs = Math.min(lowestMs, timeMs);
    this.#down.advance(lowestMs);
  }

  #add(index: number, value: unknown): void {
    const branch = this.#branches[index];
    const right = valueOf(branch.right, value, this.#scope.name);
    this.#progress("right", index, right);
    this.#progressLefts(branch, value);
    const group = this.#state.group(`${this.#scope.name}:${index}`);
    group.set(String(right), [...group.get<unknown[]>(String(right)) ?? [], value]);
  }

  /** Notes how far the branches on `parent` will be asked. */
  #progressLefts(parent: AnyBranch | undefined, value: unknown): void {
    this.#branches.forEach((each, i) => {
      if (each.on === parent) this.#progress("left", i, valueOf(each.left, value, this.#scope.name));
    });
  }

  #progress(side: "left" | "right", index: number, value: number): void {
    const { record } = this.#scope.context;
    const group = this.#state.group(`${this.#scope.name}:${side}${index}`);
    const partition = record ? `${record.stream}/${record.partition}` : "";
    const highest = group.get<number>(partition);
    const { slack = 0 } = this.#branches[index];
    if (value < Math.max(this.#passed(side, index), (highest ?? -Infinity) - slack)) {
      throw new ExpressionError(
        `Cannot join the record in step ${this.#scope.name}: its value ${value} is lower than what was passed; ` +
          `allow for more disorder (slack, now ${slack})`,
      );
    }
    if (highest === undefined || value > highest) group.set(partition, value);
  }

  /** Values below have been passed by every partition. */
  #passed(side: "left" | "right", index: number): number {
    const group = this.#state.group(`${this.#scope.name}:${side}${index}`);
    const { slack = 0 } = this.#branches[index];
    const highest = group.keys().map((partition) => group.get<number>(partition)!);
    return highest.length === 0 ? -Infinity : Math.min(...highest) - slack;
  }

  #release(): void {
    const { first, next, elements } = this.#numbers;
    let number = first;
    for (; number < next; number++) {
      const [value, key, timeMs] = this.#masters.get<Waiting>(String(number))!;
      if (!this.#isComplete(undefined, value)) break;
      this.#masters.delete(String(number));
      this.#down.push(this.#combine(value, this.#matches as Matches, key), key, timeMs);
    }
    if (number > first) this.#state.set(this.#numbersKey, { first: number, next, elements });
  }

  readonly #matches = (branch: AnyBranch, parent: unknown): readonly unknown[] => {
    const group = this.#state.group(`${this.#scope.name}:${this.#branches.indexOf(branch)}`);
    return group.get<unknown[]>(String(branch.left(parent))) ?? [];
  };

  /** Whether all that belongs to `value`, an element of `parent`, has come. */
  #isComplete(parent: AnyBranch | undefined, value: unknown): boolean {
    if (this.#isEnded) return true;
    return this.#branches.every((each, i) =>
      each.on !== parent ||
      (this.#passed("right", i) > each.left(value) &&
        this.#matches(each, value).every((own) => this.#isComplete(each, own)))
    );
  }

  /** Forgets what nobody can ask for any more: below what the parents ask for now and will ask for. */
  #forget(): void {
    this.#branches.forEach((each, i) => {
      const asked = this.#parentsOf(each).map((parent) => each.left(parent));
      const lowest = Math.min(this.#passed("left", i), ...asked);
      const group = this.#state.group(`${this.#scope.name}:${i}`);
      for (const value of group.keys()) if (Number(value) < lowest) group.delete(value);
    });
  }

  #parentsOf({ on }: AnyBranch): readonly unknown[] {
    if (on === undefined) return [...this.#waiting()].map(([value]) => value);
    const group = this.#state.group(`${this.#scope.name}:${this.#branches.indexOf(on as AnyBranch)}`);
    return group.keys().flatMap((value) => group.get<unknown[]>(value)!);
  }

  /** Masters that wait, in the order in which they came. */
  *#waiting(): Generator<Waiting> {
    const { first, next } = this.#numbers;
    for (let number = first; number < next; number++) yield this.#masters.get<Waiting>(String(number))!;
  }

  get #numbers(): Numbers {
    return this.#state.get<Numbers>(this.#numbersKey) ?? { first: 0, next: 0, elements: 0 };
  }

  get #numbersKey(): string {
    return `${this.#scope.name}:next`;
  }

  get #masters() {
    return this.#state.group(`${this.#scope.name}:master`);
  }
}

function valueOf<T>(expression: (value: T) => number, value: T, step: string): number {
  const found = expression(value);
  if (typeof found === "number" && Number.isFinite(found)) return found;
  throw new ExpressionError(
    `Cannot join the record in step ${step}: its value is ${String(found)}, a number is wanted`,
  );
}
