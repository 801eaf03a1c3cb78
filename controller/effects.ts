/** The controller's half of effects: handlers with access to the world, whose answers are journaled (I1). */

import type { EffectRequest } from "../engine/effects.ts";
import { describe } from "../engine/json_value.ts";
import type { JournaledEffect } from "./journal/journal.ts";

/** Answers an effect; `input` and the result are JSON values. */
export type EffectHandler = (input: unknown) => unknown;

/** Name → handler. */
export type EffectHandlers = Readonly<Record<string, EffectHandler>>;

/** Answers requests, or says why it cannot. */
export type EffectAnswerer = (seq: number, requests: readonly EffectRequest[]) => Promise<readonly JournaledEffect[]>;

/** Runs the handlers side by side; answers come in the order of the requests. */
export function answerWith(handlers: EffectHandlers): EffectAnswerer {
  return (_seq, requests) => Promise.all(requests.map((request) => answer(request, handlers)));
}

async function answer(request: EffectRequest, handlers: EffectHandlers): Promise<JournaledEffect> {
  const handler = Object.hasOwn(handlers, request.name) ? handlers[request.name] : undefined;
  if (!handler) return { ...request, ok: false, text: `no handler is registered for effect ${request.name}` };
  try {
    const input = request.inputJson === "" ? undefined : JSON.parse(request.inputJson);
    const result = await within(request.timeoutMs, () => handler(input));
    return { ...request, ok: true, text: answerText(result) };
  } catch (error) {
    return { ...request, ok: false, text: error instanceof Error ? error.message : textOf(error) };
  }
}

/**
 * An answer as the journal keeps it. What says itself how it is written (`toJSON`, as a `Date` does) may; what JSON would
 * change in silence is refused.
 */
function answerText(result: unknown): string {
  if (result === undefined) return "";
  return JSON.stringify(result, (member, value) => {
    if (isCarried(value)) return value;
    const place = member === "" ? "it is" : `its ${member} is`;
    throw new TypeError(`the handler's answer is no JSON: ${place} ${describe(value)}`);
  });
}

function isCarried(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value === "object") return !(value instanceof Map || value instanceof Set || value instanceof Promise);
  return typeof value === "string" || typeof value === "boolean" || value === undefined;
}

/** Anything can be thrown. */
function textOf(thrown: unknown): string {
  try {
    return typeof thrown === "object" ? JSON.stringify(thrown) : String(thrown);
  } catch {
    return describe(thrown);
  }
}

async function within<T>(timeoutMs: number | undefined, work: () => T | Promise<T>): Promise<T> {
  if (timeoutMs === undefined) return await work();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Takes answers from the journal: what was asked then must be asked now, in the same order. */
export function answerFrom(recorded: (seq: number) => readonly JournaledEffect[]): EffectAnswerer {
  return (seq, requests) => {
    const known = new Map(recorded(seq).map((effect) => [effect.id, effect]));
    return Promise.resolve(requests.map((request) => {
      const effect = known.get(request.id);
      if (effect && effect.name === request.name && effect.inputJson === request.inputJson) return effect;
      const was = effect ? `${effect.name}(${effect.inputJson})` : "nothing";
      return {
        ...request,
        ok: false,
        text: `the recording has ${was} in place of ${request.name}(${request.inputJson})`,
      };
    }));
  };
}
