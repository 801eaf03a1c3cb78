/**
 * Nothing that all records share can be changed by one of them: every intrinsic is frozen, and the global object is
 * sealed once the processor's modules have been evaluated.
 */

/** Statics that remember the last match: a leak from record to record. */
const REGEXP_STATICS = ["$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "input", "$_", "lastMatch", "$&"]
  .concat(["lastParen", "$+", "leftContext", "$`", "rightContext", "$'"]);

/** Freezes every object that can be reached from the global one, and those that only syntax reaches. */
export function freezeIntrinsics(): void {
  for (const name of REGEXP_STATICS) Reflect.deleteProperty(RegExp, name);
  allowOverrides();
  const open: unknown[] = hiddenIntrinsics();
  pushMembers(globalThis, open);
  freezeAll(open);
}

const frozen = new WeakSet<object>([globalThis]);

/** Freezes every object that can be reached from `objects`. */
export function freezeAll(objects: readonly unknown[]): void {
  const open = [...objects];
  while (open.length > 0) {
    const next = open.pop();
    if ((typeof next !== "object" && typeof next !== "function") || next === null || frozen.has(next)) continue;
    frozen.add(next);
    pushMembers(next, open);
    Object.freeze(next);
  }
}

/** Makes the global object immutable. */
export function sealGlobal(): void {
  for (const name of Reflect.ownKeys(globalThis)) {
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, name)!;
    if (!descriptor.configurable) continue;
    const fixed = "value" in descriptor ? { writable: false, configurable: false } : { configurable: false };
    Object.defineProperty(globalThis, name, fixed);
  }
  Object.preventExtensions(globalThis);
}

/** Every realm does this for a thousand objects before any of it is compiled: what is not looked at is time saved. */
function pushMembers(object: object, open: unknown[]): void {
  open.push(Object.getPrototypeOf(object));
  const names = Reflect.ownKeys(object);
  // Most are functions that have nothing of their own but their length and name.
  if (typeof object === "function" && names.length === 2 && names[0] === "length" && names[1] === "name") return;
  for (const name of names) {
    const descriptor = Object.getOwnPropertyDescriptor(object, name)!;
    // Getters of removed globals throw when called, so descriptors are looked at and never read through.
    if (!("value" in descriptor)) open.push(descriptor.get, descriptor.set);
    else if (typeof descriptor.value === "object" || typeof descriptor.value === "function") {
      open.push(descriptor.value);
    }
  }
}

function hiddenIntrinsics(): unknown[] {
  const of = Object.getPrototypeOf;
  const generator = function* (): Generator {};
  const asyncGenerator = async function* (): AsyncGenerator {};
  const segments = new Intl.Segmenter("en").segment("a");
  return [
    of(async function () {}),
    of(generator),
    of(generator.prototype),
    of(asyncGenerator),
    of(asyncGenerator.prototype),
    of([][Symbol.iterator]()),
    of(of([][Symbol.iterator]())),
    of(new Map()[Symbol.iterator]()),
    of(new Set()[Symbol.iterator]()),
    of(""[Symbol.iterator]()),
    of("".matchAll(/a/g)),
    of([].values().map(() => 0)),
    of(Iterator.from({ next: () => ({ done: true, value: undefined }) } as Iterator<unknown>)),
    of(Uint8Array),
    of(segments),
    of(segments[Symbol.iterator]()),
  ];
}

/**
 * Assigning to a property that a frozen prototype has is an error ("override mistake"), which breaks honest code such as
 * `error.name = "X"`. Accessors that define the property on the object itself keep such code working.
 */
function allowOverrides(): void {
  allow(Object.prototype, ["toString", "valueOf", "constructor", "hasOwnProperty", "toLocaleString"]);
  allow(Function.prototype, ["toString", "bind", "call", "apply", "name"]);
  allow(Array.prototype, ["constructor", "toString", "push", "concat", "join"]);
  allow(Promise.prototype, ["constructor", "then"]);
  const errors = [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError];
  for (const { prototype } of errors) allow(prototype, ["message", "name", "toString", "constructor"]);
}

function allow(prototype: object, names: readonly string[]): void {
  for (const name of names) {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
    if (!descriptor || !("value" in descriptor) || !descriptor.configurable) continue;
    const { value, enumerable } = descriptor;
    Object.defineProperty(prototype, name, {
      configurable: false,
      enumerable: enumerable === true,
      get: () => value,
      set(this: object, own: unknown) {
        if (this === prototype) throw new TypeError(`Cannot change ${name} of a prototype: all records share it`);
        Object.defineProperty(this, name, { value: own, writable: true, enumerable: true, configurable: true });
      },
    });
  }
}
