/**
 * An enclosure that a debugger sees into. The inspector of Deno 2.9.6 knows no script of a `node:vm` context, so the
 * bundle is evaluated in this process's own realm, with a global object that holds what a bare realm has: everything else
 * that is global here is not there for it. Only for a process that does nothing but debug: the kernel changes intrinsics.
 *
 * What differs from a bare realm: intrinsics are not frozen (Deno needs to change some), and there is no time limit. That
 * it does the same nevertheless is shown by the digests.
 */

import vm from "node:vm";
import { type BundleDoor, DOOR, type Enclosure, isRealmDoor } from "../sandbox/enclosure.ts";
import { BUNDLE_FILE } from "../sandbox/realm/errors.ts";
import type { Door } from "../sandbox/realm/guest.ts";
import { DEBUG_HOOK, type ProcessHook } from "./process_hook.ts";

type Scope = Record<PropertyKey, unknown>;

/** See the module. */
export class DebugEnclosure implements Enclosure {
  readonly bufferPrototype: object = ArrayBuffer.prototype;
  readonly #hook: ProcessHook;
  readonly #sourceMap: string;
  readonly isSpoilt = false;
  readonly takesMore = false;
  #door: BundleDoor | undefined;

  constructor(hook: ProcessHook, sourceMap: string) {
    this.#hook = hook;
    this.#sourceMap = sourceMap;
  }

  admit(code: string, initial: string): Door {
    const scope = bareScope();
    scope[DOOR] = initial;
    Reflect.set(globalThis, SCOPE, scope);
    Object.defineProperty(scope, DEBUG_HOOK, { value: this.#hook.answers });
    const restore = keepIntrinsics(scope, (processor) => this.#hook.wrap(processor));
    try {
      // A strict function inside of a sloppy `with` looks its globals up in the scope; no line may be added.
      const script = `with (${SCOPE}) { (function () {${code}\n}).call(undefined); }\n` +
        `//# sourceMappingURL=data:application/json;base64,${new TextEncoder().encode(this.#sourceMap).toBase64()}`;
      new vm.Script(script, { filename: BUNDLE_FILE }).runInThisContext();
      const door = scope[DOOR] as BundleDoor;
      Reflect.deleteProperty(scope, DOOR);
      return this.#enter(door, initial);
    } finally {
      restore();
      Reflect.deleteProperty(globalThis, SCOPE);
    }
  }

  go(): "done" {
    this.#door!.go();
    return "done";
  }

  forAnother(): DebugEnclosure {
    return new DebugEnclosure(this.#hook, this.#sourceMap);
  }

  #enter(door: BundleDoor, initial: string): Door {
    this.#door = door;
    if (!isRealmDoor(door)) return door;
    door.planTask(initial);
    door.go();
    return door.takeTask();
  }
}

const SCOPE = "__sluice_scope";

/** A global object with what a bare realm has; the other globals of this one are hidden by it. */
function bareScope(): Scope {
  const bare = new Set(vm.runInNewContext("Object.getOwnPropertyNames(globalThis)") as string[]);
  const scope: Scope = Object.create(null);
  for (let holder: object | null = globalThis; holder !== null; holder = Object.getPrototypeOf(holder)) {
    for (const name of Object.getOwnPropertyNames(holder)) {
      if (name in scope) continue;
      const descriptor = bare.has(name) ? Object.getOwnPropertyDescriptor(holder, name) : undefined;
      const { value } = descriptor ?? { value: undefined };
      Object.defineProperty(scope, name, { value, writable: true, configurable: true, enumerable: false });
    }
  }
  Object.defineProperty(scope, "globalThis", { value: scope, writable: true, configurable: true, enumerable: false });
  return scope;
}

/**
 * Lets `Object.freeze` leave alone what Deno shares with the bundle, and hands the processor's definition, which
 * `defineProcessor` freezes, to `wrap`. Answers what undoes it.
 */
function keepIntrinsics(scope: Scope, wrap: (processor: object) => object): () => void {
  const { freeze } = Object;
  const shared = reachableFrom(scope);
  Object.freeze = <T>(value: T): T => {
    if (typeof value !== "object" && typeof value !== "function" || value === null || shared.has(value)) return value;
    return freeze(isProcessor(value) ? wrap(value) as T : value);
  };
  return () => Object.freeze = freeze;
}

function isProcessor(value: object): boolean {
  const { process, inputs, outputs } = value as Record<string, unknown>;
  return typeof process === "function" && typeof inputs === "object" && typeof outputs === "object";
}

function reachableFrom(scope: Scope): WeakSet<object> {
  const seen = new WeakSet<object>([scope]);
  const open: unknown[] = Reflect.ownKeys(scope).map((name) => scope[name]);
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== "object" && typeof next !== "function" || next === null || seen.has(next)) continue;
    seen.add(next);
    open.push(Object.getPrototypeOf(next));
    for (const name of Reflect.ownKeys(next)) {
      const { value, get, set } = Object.getOwnPropertyDescriptor(next, name)!;
      open.push(value, get, set);
    }
  }
  return seen;
}
