/**
 * Ways out of a realm that were tried on others: on Node's vm, on vm2, on membranes, on Workers. Each pushes what it gets
 * hold of into `found`; `judge` says whether anything of it belongs to another realm.
 *
 * They are text: they run inside of a processor, as its author would write them.
 */

/** What every attempt has at hand. */
export const PRELUDE = `
const ownGlobal = globalThis;
const ownObject = Object.prototype;
/** Whether an object, or what made it, is of another realm. */
function isForeign(value) {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  let last = value;
  for (let steps = 0; steps < 100; steps++) {
    const next = Object.getPrototypeOf(last);
    if (next === null) break;
    last = next;
  }
  // Objects without a prototype of their own are nobody's.
  return last !== ownObject && last !== value && last !== ownGlobal;
}
/** What the global object of the realm that made \`value\` has, as far as it can be asked. */
function globalOf(value) {
  try {
    const make = value.constructor.constructor ?? value.constructor;
    return make("return globalThis")();
  } catch {
    return undefined;
  }
}
function judge(value) {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return typeof value;
  try {
    if (isForeign(value)) return "ESCAPED: an object of another realm";
    const global = globalOf(value);
    if (global !== undefined && global !== ownGlobal) return "ESCAPED: another global object";
    for (const name of ["Deno", "process", "require", "postMessage", "importScripts", "Worker", "fetch"]) {
      try {
        if (typeof value[name] === "function" && value === global) return "ESCAPED: " + name;
      } catch {}
    }
  } catch (error) {
    return "cannot be looked at";
  }
  return "harmless";
}
const attempt = (work) => {
  try {
    return work();
  } catch (error) {
    found.push(error);
    return error;
  }
};
`;

/** By what is tried. */
export const ATTEMPTS: Readonly<Record<string, string>> = {
  "the Function constructor of everything at hand": `
    for (const thing of [record, context, context.state, context.emit, console, console.log, crypto, Date, value, [], () => {}]) {
      found.push(attempt(() => thing.constructor.constructor("return this")()));
    }
    found.push(attempt(() => (async () => {}).constructor("return this")()));
    found.push(attempt(() => (function* () {}).constructor("yield this")().next().value));
    found.push(attempt(() => (0, eval)("this")));`,
  "errors of the host: stack overflow, bad arguments, bad JSON, detached buffers": `
    const deep = () => deep();
    attempt(deep);
    attempt(() => context.emit());
    attempt(() => context.emit({ value: 1n }));
    attempt(() => context.state.set(Symbol(), 1));
    attempt(() => context.state.get({ toString() { throw new Error("own"); } }));
    attempt(() => context.timers.set("t", NaN));
    attempt(() => JSON.parse("{"));
    attempt(() => new Uint8Array(-1));
    attempt(() => structuredClone(() => {}));
    attempt(() => new URL("::"));
    attempt(() => atob("*"));
    attempt(() => new TextDecoder("no-such-encoding"));
    attempt(() => crypto.getRandomValues(new Float64Array(1)));
    attempt(() => crypto.subtle);
    attempt(() => new Intl.DateTimeFormat("xx-invalid-locale-"));
    for (const name of ["fetch", "setTimeout", "performance", "WeakRef", "WebAssembly", "SharedArrayBuffer", "queueMicrotask"]) {
      attempt(() => globalThis[name](() => {}));
      attempt(() => new globalThis[name]());
    }
    for (const error of [...found]) found.push(error?.cause, attempt(() => error.constructor), attempt(() => error.stack));`,
  "call sites of the host's frames": `
    attempt(() => { Error.prepareStackTrace = (_, frames) => frames; });
    attempt(() => Object.defineProperty(Error, "prepareStackTrace", { value: (_, frames) => frames }));
    attempt(() => { Error.stackTraceLimit = Infinity; });
    class Own extends Error {
      static prepareStackTrace(_, frames) { return frames; }
    }
    const frames = attempt(() => new Own("x").stack);
    for (const frame of Array.isArray(frames) ? frames : []) {
      for (const name of ["getThis", "getFunction", "getTypeName", "getEvalOrigin"]) found.push(attempt(() => frame[name]()));
    }
    const holder = {};
    attempt(() => Error.captureStackTrace(holder, undefined));
    found.push(holder.stack);
    (function caller() {
      found.push(attempt(() => caller.caller), attempt(() => caller.arguments), attempt(() => arguments.callee));
    })();`,
  "the door between host and realm": `
    const door = globalThis.__sluice;
    if (door !== undefined) leaked = true;
    for (const name of Object.getOwnPropertyNames(door ?? {})) found.push(door[name]);
    attempt(() => { globalThis.__sluice = { takeResult: () => ({}) }; });
    attempt(() => { door.takeResult = () => ({}); });
    attempt(() => Object.defineProperty(globalThis, "__sluice", { value: 1 }));
    attempt(() => { delete globalThis.__sluice; });
    found.push(attempt(() => door.takeResult()), attempt(() => door.takeEffects()), attempt(() => door.status()));
    attempt(() => door.addBatch("{}", "x", new Proxy(new ArrayBuffer(0), {})));`,
  "proxies and getters that the host may look through": `
    const seen = [];
    const spy = new Proxy({}, {
      get(target, name, receiver) { seen.push(receiver, name); return spy; },
      has(...args) { seen.push(...args); return true; },
      ownKeys(...args) { seen.push(...args); return ["a"]; },
      getOwnPropertyDescriptor(...args) { seen.push(...args); return { value: spy, configurable: true, enumerable: true }; },
      getPrototypeOf() { return null; },
    });
    attempt(() => context.emit({ get value() { seen.push(this); return { toJSON(key) { seen.push(this, key); return 1; } }; } }));
    attempt(() => context.emit({ key: spy, value: spy }));
    attempt(() => context.emit({ value: 1, headers: spy }));
    attempt(() => context.state.set("k", { toJSON() { seen.push(arguments); return 1; } }));
    attempt(() => context.state.set(spy, 1));
    attempt(() => console.log(spy, { toString() { seen.push(this); return ""; } }));
    attempt(() => context.log?.info?.(spy));
    found.push(...seen);`,
  "thenables and promises with their own species": `
    const seen = [];
    class Own extends Promise {
      static get [Symbol.species]() { return function (executor) { seen.push(executor, new.target); executor((...args) => seen.push(...args), () => {}); }; }
      then(...args) { seen.push(...args); return super.then(...args); }
    }
    attempt(() => Own.resolve(1).then(() => 2));
    const thenable = { then(resolve, reject) { seen.push(resolve, reject, this); } };
    attempt(() => Promise.resolve(thenable));
    attempt(() => Promise.prototype.then.call(Promise.resolve(1), (v) => seen.push(v)));
    attempt(() => { Object.prototype.then = function (...args) { seen.push(...args); }; });
    attempt(() => { Promise.prototype.then = function (...args) { seen.push(...args); }; });
    found.push(...seen);`,
  "generators and iterators that are closed by the host": `
    const seen = [];
    const iterable = { [Symbol.iterator]() {
      return { next(...args) { seen.push(...args, this); return { done: seen.length > 9, value: ["a", "b"] }; },
               return(...args) { seen.push(...args, this); throw new Error("own"); } };
    } };
    attempt(() => context.emit({ value: 1, headers: iterable }));
    attempt(() => new Map(iterable));
    attempt(() => Object.fromEntries(iterable));
    attempt(() => Array.from(iterable));
    attempt(() => new URLSearchParams(iterable));
    attempt(() => { Array.prototype[Symbol.iterator] = function () { seen.push(this); }; });
    attempt(() => { Object.getPrototypeOf([][Symbol.iterator]()).next = function () { seen.push(this); }; });
    attempt(() => { Object.getPrototypeOf(Object.getPrototypeOf((async function* () {})())).next = () => {}; });
    found.push(...seen);`,
  "buffers that come from the host: their prototypes, species, and views": `
    const bytes = new TextEncoder().encode("x");
    const decoded = structuredClone({ bytes, date: new Date(0), map: new Map([[1, new Set([2])]]), error: new TypeError("x") });
    for (const thing of [bytes, bytes.buffer, decoded, decoded.bytes, decoded.date, decoded.map, decoded.error, record.headers, record.bytes]) {
      found.push(thing, attempt(() => thing?.constructor), attempt(() => thing?.buffer), attempt(() => Object.getPrototypeOf(thing)));
    }
    attempt(() => { Object.defineProperty(Uint8Array, Symbol.species, { value: function (...args) { found.push(...args, this); return new Uint8Array(9); } }); });
    attempt(() => { Object.defineProperty(ArrayBuffer.prototype, "byteLength", { value: 1 }); });
    found.push(attempt(() => bytes.buffer.transfer(0)), attempt(() => new Uint8Array(bytes.buffer)));
    found.push(attempt(() => new SharedArrayBuffer(8)), attempt(() => Atomics.wait), attempt(() => new ArrayBuffer(8, { maxByteLength: 64 })));`,
  "everything that can be reached, property by property": `
    const seen = new Set();
    const open = [globalThis, record, context, context.state, context.timers, Object.getPrototypeOf(context), found, value];
    for (let last = attempt(() => globalThis); open.length > 0 && seen.size < 20000; last = open.pop()) {
      const next = last;
      if ((typeof next !== "object" && typeof next !== "function") || next === null || seen.has(next)) continue;
      seen.add(next);
      const verdict = judge(next);
      if (verdict.startsWith("ESCAPED")) found.push(next);
      attempt(() => open.push(Object.getPrototypeOf(next)));
      for (const name of attempt(() => Reflect.ownKeys(next)) ?? []) {
        const descriptor = Object.getOwnPropertyDescriptor(next, name);
        if (!descriptor) continue;
        open.push(descriptor.value, descriptor.get, descriptor.set);
      }
    }
    found.length = Math.min(found.length, 50);
    if (seen.size < 500) throw new Error("only " + seen.size + " objects were looked at");`,
  "modules, workers, files, network, environment, other processes": `
    for (const name of ["Deno", "process", "require", "module", "Buffer", "global", "self", "window", "importScripts", "Worker",
        "MessageChannel", "BroadcastChannel", "postMessage", "close", "caches", "localStorage", "indexedDB", "navigator", "location",
        "XMLHttpRequest", "WebSocket", "EventSource", "fetch", "setImmediate", "queueMicrotask", "ShadowRealm"]) {
      const thing = attempt(() => globalThis[name]);
      if (typeof thing === "object" && thing !== null && !(thing instanceof Error)) found.push(thing);
      if (typeof thing === "function") found.push(attempt(() => thing("file:///etc/passwd")));
    }`,
  "pollution of what all records share": `
    const before = Object.getOwnPropertyNames(Object.prototype).length;
    attempt(() => { Object.prototype.polluted = "yes"; });
    attempt(() => { ({}).__proto__.polluted = "yes"; });
    attempt(() => Object.setPrototypeOf(Object.prototype, { polluted: "yes" }));
    attempt(() => { Array.prototype.push = () => 0; });
    attempt(() => { JSON.stringify = () => "0"; });
    attempt(() => { JSON.parse = () => ({}); });
    attempt(() => { Map.prototype.get = () => "yes"; });
    attempt(() => { String.prototype.slice = () => "yes"; });
    attempt(() => { Function.prototype.call = () => "yes"; });
    attempt(() => { RegExp.prototype.exec = () => ["yes"]; });
    attempt(() => { globalThis.leak = "yes"; });
    attempt(() => { Date.now = () => 0; });
    attempt(() => Object.defineProperty(globalThis, "JSON", { value: 1 }));
    if (({}).polluted !== undefined || globalThis.leak !== undefined) found.push(globalThis.constructor), (leaked = true);
    if (Object.getOwnPropertyNames(Object.prototype).length !== before) leaked = true;`,
};
