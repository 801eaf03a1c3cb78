/**
 * The realm's half of effects: requests go out, results come back in request order.
 *
 * The handler runs in the controller, which journals its answer before the processor sees it; a replay answers from the
 * journal. A request is identified by its place: the n-th of its record.
 */

import { takeAll } from "./take_all.ts";

/** A call out of the realm, not answered yet. */
export interface EffectRequest {
  /** Counts from 0 within the feed. */
  readonly id: number;
  /** The record of the feed that asked, counted from 0; -1 when a timer or a lifecycle hook did. */
  readonly record: number;
  readonly name: string;
  readonly inputJson: string;
  /** How long the handler may take; absent for as long as it likes. */
  readonly timeoutMs?: number;
}

/** How an effect is called. */
export interface EffectOptions {
  /** How long its handler may take, by the clock on the wall; then it has failed. @default {as long as it likes} */
  readonly timeoutMs?: number;
}

/** The answer to one request. */
export interface EffectResult {
  readonly id: number;
  readonly ok: boolean;
  /** The JSON text of the result, or the message of the error. */
  readonly text: string;
}

/** Thrown in the processor when the handler of an effect failed. */
export class EffectError extends Error {
  override readonly name = "EffectError";
  readonly effect: string;

  constructor(effect: string, message: string) {
    super(message);
    this.effect = effect;
  }
}

interface Pending {
  readonly name: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: EffectError) => void;
}

/** The requests of one feed. */
export class EffectQueue {
  readonly #pending = new Map<number, Pending>();
  readonly #requests: EffectRequest[] = [];
  #nextId = 0;

  /** Asks for an effect on behalf of a record. */
  request(
    record: number,
    { name, inputJson, timeoutMs }: Pick<EffectRequest, "name" | "inputJson" | "timeoutMs">,
  ): Promise<unknown> {
    const id = this.#nextId++;
    this.#requests.push({ id, record, name, inputJson, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
    return new Promise((resolve, reject) => this.#pending.set(id, { name, resolve, reject }));
  }

  /** Takes the requests that were made since the last call. */
  take(): EffectRequest[] {
    return takeAll(this.#requests);
  }

  deliver({ id, ok, text }: EffectResult): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (ok) pending?.resolve(text === "" ? undefined : JSON.parse(text));
    else pending?.reject(new EffectError(pending.name, text));
  }

  /** Whether an answer is still to come. */
  get isWaiting(): boolean {
    return this.#pending.size > 0;
  }

  /** Forgets requests of a record that is over, answered or not. */
  drop(): void {
    this.#pending.clear();
    this.#requests.length = 0;
  }

  /** Counts from 0 again, for the next feed. */
  reset(): void {
    this.drop();
    this.#nextId = 0;
  }
}
