/** Where a bundle is evaluated and run: as a rule a bare realm of its own, in which nothing of the host can be reached. */

import vm from "node:vm";
import { BUNDLE_FILE } from "./realm/errors.ts";
import type { Door } from "./realm/guest.ts";
import type { RealmDoor } from "./realm/residents.ts";
import { detachFirst } from "./first_detach.ts";

/** See the module. */
export interface Enclosure {
  /** The prototype that buffers have inside. */
  readonly bufferPrototype: object;
  /** Whether what ran in it was cut short: it may be in any condition. */
  readonly isSpoilt: boolean;
  /** Whether another task of the same code may come in. */
  readonly takesMore: boolean;
  /**
   * Evaluates the modules of `code` for one more task; the code is the same every time. `initial` is JSON: what time and
   * chance are meanwhile.
   *
   * @throws whatever the processor's modules throw
   * @throws {LoadTimeout} when they do not come to an end
   */
  admit(code: string, initial: string): Door;
  /** Runs what a door was told to do; answers whether it took longer than it may. */
  go(timeMsMax: number): "done" | "late";
  /** Where the modules of the same code are evaluated once more: here, where that is possible. */
  forAnother(): Enclosure;
}

/** How older bundles leave the door of their only task: evaluated, and closed by whoever has seen what it says. */
export interface OlderDoor {
  go(): void;
  seal(): void;
  beginFeed(feedJson: string): void;
}

/** What a bundle leaves for the host. */
export type BundleDoor = RealmDoor | Door & OlderDoor;

/** Whether `door` is that of a realm for several tasks. */
export function isRealmDoor(door: BundleDoor): door is RealmDoor {
  return "planTask" in door;
}

/** The modules of a processor did not come to an end. */
export class LoadTimeout extends Error {
  override readonly name = "LoadTimeout";
  readonly code = "E_LOAD_TIMEOUT";

  constructor() {
    super(
      `its modules were still not evaluated after ${
        LOAD_TIME_MS_MAX / 1000
      } s; leave work out of their top level, or do it ` +
        "in onStart",
    );
  }
}

/** The global under which host and realm find each other. */
export const DOOR = "__sluice";
const LOAD_TIME_MS_MAX = 10_000;

/** A vanilla `node:vm` context without code generation, and a time limit on everything that runs in it. */
export class RealmEnclosure implements Enclosure {
  readonly #context: vm.Context = createRealm();
  readonly bufferPrototype: object = vm.runInContext("ArrayBuffer.prototype", this.#context);
  readonly #isForOne: boolean;
  #realm: RealmDoor | undefined;
  #isSpoilt = false;

  /** @param isForOne whether its first task is to be the only one */
  constructor({ isForOne = false } = {}) {
    this.#isForOne = isForOne;
  }

  get isSpoilt(): boolean {
    return this.#isSpoilt;
  }

  get takesMore(): boolean {
    return !this.#isForOne && !this.#isSpoilt && this.#realm?.takesMore() === true;
  }

  admit(code: string, initial: string): Door {
    const realm = this.#realm ?? this.#evaluate(code, initial);
    if (!isRealmDoor(realm)) return realm;
    this.#realm = realm;
    realm.planTask(initial);
    if (this.go(LOAD_TIME_MS_MAX) === "late") throw new LoadTimeout();
    return realm.takeTask();
  }

  go(timeMsMax: number): "done" | "late" {
    return this.#run(GO, timeMsMax);
  }

  forAnother(): RealmEnclosure {
    return this.takesMore ? this : new RealmEnclosure({ isForOne: this.#isForOne });
  }

  #evaluate(code: string, initial: string): BundleDoor {
    Reflect.set(this.#context, DOOR, initial);
    if (this.#run(compile(code), LOAD_TIME_MS_MAX) === "late") throw new LoadTimeout();
    const door = Reflect.get(this.#context, DOOR) as BundleDoor;
    BIND.runInContext(this.#context);
    // Older bundles cannot let go of it.
    Reflect.deleteProperty(this.#context, DOOR);
    return door;
  }

  #run(script: vm.Script, timeMsMax: number): "done" | "late" {
    try {
      script.runInContext(this.#context, { timeout: timeMsMax, displayErrors: false });
      return "done";
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      this.#isSpoilt = true;
      return "late";
    }
  }
}

/** What the scripts of this process call the door: no code of a realm can list such a name, or guess it. */
const HIDDEN = `door_${crypto.randomUUID().replaceAll("-", "")}`;
const BIND = new vm.Script(`const ${HIDDEN} = globalThis.${DOOR};`, { filename: "sluice:bind.js" });

/**
 * Runs the plan made before. The calls after it consume a pending interruption: Deno 2.9.6 panics when the deadline
 * passes inside a builtin that ends the script (reference/determinism.md, 2.4).
 */
const GO = new vm.Script(`${HIDDEN}.go(); (function spin() { for (let i = 0; i < 3; i++) (() => i)(); })();`, {
  filename: "sluice:go.js",
});

const scripts = new Map<string, vm.Script>();
const SCRIPTS_MAX = 16;

function compile(code: string): vm.Script {
  let script = scripts.get(code);
  if (!script) {
    if (scripts.size >= SCRIPTS_MAX) scripts.clear();
    script = new vm.Script(code, { filename: BUNDLE_FILE });
    scripts.set(code, script);
  }
  return script;
}

/** What a realm costs at its first use and never again: most of it is the data of `Intl` and `Temporal`. */
const WARM_UP =
  `new Intl.DateTimeFormat("en-US").format(0); new Intl.Segmenter("en").segment("a"); "a".localeCompare("b");
  globalThis.Temporal?.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO("UTC");`;

/** Does once what every realm needs, while the sandbox has nothing else to do. */
export function warmUp(): void {
  vm.runInContext(WARM_UP, createRealm());
  detachFirst();
}

function createRealm(): vm.Context {
  return vm.createContext(vm.constants.DONT_CONTEXTIFY, {
    codeGeneration: { strings: false, wasm: false },
    microtaskMode: "afterEvaluate",
  } as vm.CreateContextOptions);
}
