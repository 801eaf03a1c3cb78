/**
 * `enrich`: each element with what the world knows: a call out of the sandbox, journaled and answered the same at replays.
 *
 * State: `<step>|<key of the question>` answers that are kept, in the order of `<step>:due`; nothing without `cache`.
 */

import type { Operator, Scope, Stage } from "../pipeline/operator.ts";
import { type Duration, durationMs, positiveMs } from "../time/duration.ts";
import type { Place } from "./map.ts";

/** What is asked, and what becomes of the answer. */
export interface EnrichOptions<In, Question, Answer, Out> {
  /** The name of the effect: a handler of `--effects`. */
  readonly effect: string;
  /** What the handler is asked about an element: JSON. */
  readonly ask: (value: In, place: Place) => Question;
  /** Makes the result. */
  readonly combine: (value: In, answer: Answer, place: Place) => Out;
  /** How long an answer is good for the same question, by the clock of the run. @default {answers are not kept} */
  readonly cache?: Duration;
  /** How many answers are kept at most; the oldest make room. @default {10000} */
  readonly cacheMax?: number;
  /** How long the handler may take. @default {as long as it likes} */
  readonly timeout?: Duration;
  /** How often it is asked again when it fails. @default {0} */
  readonly retries?: number;
}

/** An element that the handler had no answer for. */
export interface Unanswered<T> {
  /** The element. */
  readonly value: T;
  /** What the handler said last. */
  readonly reason: string;
}

/**
 * Asks about each element, in their order; elements that one record leads to are asked about together. Questions and
 * answers are journaled: a replay asks nobody. What is not answered goes to `failed`; where nobody takes it, the record
 * fails.
 *
 * Bound: `cacheMax` answers.
 */
export function enrich<In, Question, Answer, Out>(
  options: EnrichOptions<In, Question, Answer, Out>,
): Operator<In, Out, { readonly failed: Unanswered<In> }> {
  const { cache, cacheMax = 10_000, timeout, retries = 0 } = options;
  const timeoutMs = timeout === undefined ? undefined : positiveMs(timeout, "timeout");
  return {
    kind: "enrich",
    detail: options.effect,
    isStateful: cache !== undefined,
    open(scope, down) {
      const answers = cache === undefined ? undefined : new AnswerCache(scope, durationMs(cache), cacheMax);
      const asking: Asking = { scope, effect: options.effect, timeoutMs, retries, answers };
      const failed = scope.side<Unanswered<In>>("failed");
      return {
        push(value, key, timeMs) {
          const place = { key, timeMs };
          // Asked at once, so that the elements of a record do not wait for each other; passed on in order.
          const reply = ask(asking, options.ask(value, place));
          // It is awaited below, unless an element before it fails the record.
          reply.catch(() => {});
          scope.queue(async () => {
            const { ok, answer, reason } = await reply;
            if (ok) down.push(options.combine(value, answer as Answer, place), key, timeMs);
            else giveUp(scope, failed, { value, reason }, place);
          });
        },
        advance(watermarkMs) {
          if (scope.isQueueing) scope.queue(() => down.advance(watermarkMs));
          else down.advance(watermarkMs);
        },
      };
    },
  };
}

interface Asking {
  readonly scope: Scope;
  readonly effect: string;
  readonly timeoutMs: number | undefined;
  readonly retries: number;
  readonly answers: AnswerCache | undefined;
}

interface Reply {
  readonly ok: boolean;
  readonly answer: unknown;
  readonly reason: string;
}

async function ask({ scope, effect, timeoutMs, retries, answers }: Asking, question: unknown): Promise<Reply> {
  const { context } = scope;
  const name = JSON.stringify(question);
  const known = answers?.get(name, context.now);
  if (known !== undefined) return { ok: true, answer: known, reason: "" };
  let reason = "";
  for (let tries = 0; tries <= retries; tries++) {
    try {
      const answer = await context.effect(effect, question, timeoutMs === undefined ? {} : { timeoutMs });
      answers?.put(name, answer, context.now);
      return { ok: true, answer, reason };
    } catch (error) {
      if ((error as Error).name !== "EffectError") throw error;
      reason = (error as Error).message;
    }
  }
  return { ok: false, answer: undefined, reason };
}

function giveUp<T>(scope: Scope, failed: Stage<Unanswered<T>> | undefined, gone: Unanswered<T>, at: Place): void {
  if (failed) return failed.push(gone, at.key, at.timeMs);
  throw new Error(
    `Cannot enrich the record in step ${scope.name}: ${gone.reason}; give failed elements a stream to go on without it`,
  );
}

/** Answers by question, as they were put: the oldest make room. */
class AnswerCache {
  readonly #scope: Scope;
  readonly #ttlMs: number;
  readonly #max: number;

  constructor(scope: Scope, ttlMs: number, max: number) {
    this.#scope = scope;
    this.#ttlMs = ttlMs;
    this.#max = max;
  }

  get(question: string, nowMs: number): unknown {
    const [untilMs, , answer] = this.#answers.get<readonly [number, number, unknown]>(question) ?? [0, 0, undefined];
    return untilMs > nowMs ? answer : undefined;
  }

  put(question: string, answer: unknown, nowMs: number): void {
    const { state, name } = this.#scope;
    const [first, next] = state.get<readonly [number, number]>(`${name}:ring`) ?? [0, 0];
    const answers = this.#answers;
    const ring = state.group(`${name}:ring`);
    const isFull = next - first >= this.#max;
    if (isFull) this.#drop(String(first), first);
    ring.set(String(next), question);
    answers.set(question, [nowMs + this.#ttlMs, next, answer ?? null]);
    state.set(`${name}:ring`, [isFull ? first + 1 : first, next + 1]);
  }

  get #answers() {
    return this.#scope.state.group(this.#scope.name);
  }

  #drop(place: string, number: number): void {
    const ring = this.#scope.state.group(`${this.#scope.name}:ring`);
    const question = ring.get<string>(place)!;
    ring.delete(place);
    // Asked again since, it has a later place.
    if (this.#answers.get<readonly [number, number, unknown]>(question)?.[1] === number) this.#answers.delete(question);
  }
}
