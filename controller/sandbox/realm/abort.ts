/** `AbortController` for libraries that take a signal; nothing in a realm aborts by time, so `AbortSignal.timeout` throws. */

import { DeterminismError, setMethod } from "./intrinsics.ts";

type Listener = (event: { readonly type: "abort"; readonly target: RealmAbortSignal }) => void;

class RealmAbortSignal {
  aborted = false;
  reason: unknown = undefined;
  onabort: Listener | null = null;
  readonly #listeners = new Set<Listener>();

  /** Only `abort` events exist. */
  addEventListener(type: string, listener: Listener): void {
    if (type === "abort") this.#listeners.add(listener);
  }

  removeEventListener(_type: string, listener: Listener): void {
    this.#listeners.delete(listener);
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  static abort(reason?: unknown): RealmAbortSignal {
    const controller = new RealmAbortController();
    controller.abort(reason);
    return controller.signal;
  }

  static timeout(): never {
    throw new DeterminismError("AbortSignal.timeout", "use context.timers.set(key, atMs)");
  }

  /** For the controller. */
  trigger(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    const event = { type: "abort", target: this } as const;
    this.onabort?.(event);
    for (const listener of this.#listeners) listener(event);
  }
}

class RealmAbortController {
  readonly signal: RealmAbortSignal = new RealmAbortSignal();

  abort(reason?: unknown): void {
    this.signal.trigger(reason ?? Object.assign(new Error("This operation was aborted"), { name: "AbortError" }));
  }
}

/** Gives the realm `AbortController` and `AbortSignal`. */
export function installAbort(): void {
  setMethod(globalThis, "AbortController", RealmAbortController);
  setMethod(globalThis, "AbortSignal", RealmAbortSignal);
}
