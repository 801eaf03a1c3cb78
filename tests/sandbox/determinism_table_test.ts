/**
 * The table of nondeterminism (reference/determinism.md §1.2), row by row: what a processor sees is logical, or a
 * DeterminismError that names the API. Each probe is an expression; `logical` gives what it must answer.
 */

import { assert, assertEquals } from "@std/assert";
import { batchOf, codeOf, emitted, openCell, runFeed } from "../support/cells.ts";
import { scriptOf } from "../support/processor_script.ts";

const TIME_MS = 1_700_000_000_123;
const ISO = new Date(TIME_MS).toISOString();

const LOGICAL: Readonly<Record<string, unknown>> = {
  // 1: Date
  "Date.now()": TIME_MS,
  "new Date().getTime()": TIME_MS,
  "typeof Date()": "string",
  "Date().slice(0, 15)": "Tue Nov 14 2023",
  "(new Date).constructor.now()": TIME_MS,
  "Reflect.construct((new Date).constructor, []).getTime()": TIME_MS,
  "Reflect.construct(Date, [], Object) instanceof Object": true,
  "new (class extends Date {})().getTime()": TIME_MS,
  "new Date(0).toISOString()": "1970-01-01T00:00:00.000Z",
  "Date.parse('1970-01-01T00:00:01Z')": 1000,
  "context.now": TIME_MS,
  // 2: Intl without an argument
  "new Intl.DateTimeFormat().format()": "11/14/2023",
  "new Intl.DateTimeFormat('en-US', { year: 'numeric' }).formatToParts()[0].value": "2023",
  // 3: Temporal
  "Temporal.Now.instant().epochMilliseconds": TIME_MS,
  "Temporal.Now.timeZoneId()": "UTC",
  "String(Temporal.Now.plainDateISO())": "2023-11-14",
  // 5, 6: chance is seeded per record
  "typeof Math.random()": "number",
  "/^[0-9a-f-]{36}$/.test(crypto.randomUUID())": true,
  "crypto.getRandomValues(new Uint8Array(4)).length": 4,
  "context.uuid() === context.uuid()": false,
  // 23: time zone
  "new Date(TIME).getHours()": 22,
  "new Date(TIME).getTimezoneOffset()": 0,
  "new Date(TIME).toString()": "Tue Nov 14 2023 22:13:20 GMT+0000 (Coordinated Universal Time)",
  "new Intl.DateTimeFormat().resolvedOptions().timeZone": "UTC",
  // 24: locale
  "(1234.5).toLocaleString()": "1,234.5",
  "new Intl.NumberFormat().format(1234.5)": "1,234.5",
  "new Intl.NumberFormat.prototype.constructor().resolvedOptions().locale": "en-US",
  "'z'.localeCompare('ä')": 1,
  "new Date(0).toLocaleDateString()": "1/1/1970",
  // 10: microtasks and promises exist
  "typeof queueMicrotask": "function",
  "typeof Promise.resolve().then": "function",
  // 15, 30: code from strings, prototypes, globals, statics
  "(() => { try { eval('1') } catch (e) { return e.name } })()": "EvalError",
  "(() => { try { new Function('return 1')() } catch (e) { return e.name } })()": "EvalError",
  "(() => { try { (async () => {}).constructor('return 1')() } catch (e) { return e.name } })()": "EvalError",
  "(() => { try { Array.prototype.x = 1 } catch (e) { return e.name } })()": "TypeError",
  "(() => { try { globalThis.x = 1 } catch (e) { return e.name } })()": "TypeError",
  "(() => { try { Object.prototype.toString = 1 } catch (e) { return e.name } })()": "TypeError",
  "(/(a)/.exec('a'), RegExp.$1)": null,
  "(() => { const e = new Error('x'); e.name = 'Mine'; return String(e) })()": "Mine: x",
  // 25: stacks show the processor only
  "new Error('x').stack.includes('/')": false,
  "new Error('x').stack.includes('processor:bundle.js')": true,
  // 13, 14: hosts are not there; libraries may ask
  "typeof process": "undefined",
  "typeof Deno": "undefined",
  "typeof Buffer": "undefined",
  "Object.getOwnPropertyNames(globalThis).includes('fetch') && typeof globalThis.document": "undefined",
  // 27, 28
  "typeof console.log": "function",
  "console.time('x') === undefined": true,
  // 38: what libraries need
  "new URL('/b?c=d#e', 'https://ü.example/a').href": "https://xn--tda.example/b?c=d#e",
  "new URL('https://a.example/?x=1&y=2').searchParams.get('y')": "2",
  "new URLSearchParams({ a: 'b c' }).toString()": "a=b+c",
  "structuredClone({ a: [new Date(5)], b: new Map([[1, 2]]) }).b.get(1)": 2,
  "atob(btoa('hi'))": "hi",
  "(() => { const c = new AbortController(); let n = 0; c.signal.addEventListener('abort', () => n++); c.abort(); c.abort(); return [n, c.signal.aborted] })()":
    [1, true],
  "[...new TextEncoder().encode('é€😀')]": [195, 169, 226, 130, 172, 240, 159, 152, 128],
  "new TextDecoder().decode(Uint8Array.of(0xe2, 0x82, 0xac, 0xff))": "€\ufffd",
};

const THROWS = [
  "performance.now()",
  "setTimeout(() => {}, 1)",
  "setInterval(() => {}, 1)",
  "setImmediate(() => {})",
  "fetch('https://example.com')",
  "new WebSocket('ws://x')",
  "new EventSource('x')",
  "new Worker('x')",
  "new BroadcastChannel('x')",
  "new MessageChannel()",
  "caches.open('x')",
  "localStorage.getItem('x')",
  "indexedDB.open('x')",
  "postMessage(1)",
  "new WeakRef({})",
  "new FinalizationRegistry(() => {})",
  "new SharedArrayBuffer(8)",
  "Atomics.wait",
  "WebAssembly.compile",
  "crypto.subtle",
  "process.hrtime()",
  "Deno.cwd()",
  "Buffer.from('x')",
  "navigator.hardwareConcurrency",
  "location.href",
  "self.name",
];

async function probe(expressions: readonly string[]): Promise<readonly unknown[]> {
  const cases = expressions.map((text) => `() => ${text}`).join(",\n");
  const code = await codeOf(scriptOf(`
    const TIME = value; void TIME;
    for (const probe of [${cases}] as (() => any)[]) {
      try { const answer = probe(); context.emit({ value: answer === undefined ? null : answer }); }
      catch (error: any) { context.emit({ value: { threw: error.name, api: error.api, code: error.code, message: error.message } }); }
    }`));
  return emitted(runFeed(openCell(code), [batchOf([TIME_MS])], { timeMs: TIME_MS }));
}

Deno.test("what a processor may ask for is answered from the record, under any time zone and locale", async () => {
  const answers = await probe(Object.keys(LOGICAL));
  Object.entries(LOGICAL).forEach(([expression, expected], i) => assertEquals(answers[i], expected, expression));
  assertEquals(ISO, "2023-11-14T22:13:20.123Z");
});

Deno.test("what has no logical answer throws a DeterminismError that names API and replacement", async () => {
  const hosts = new Set([
    "process.hrtime()",
    "Deno.cwd()",
    "Buffer.from('x')",
    "navigator.hardwareConcurrency",
    "location.href",
    "self.name",
  ]);
  const answers = await probe(THROWS) as { threw?: string; api?: string; message?: string }[];
  THROWS.forEach((expression, i) => {
    const name = /^(?:new )?([A-Za-z]+(?:\.subtle)?)/.exec(expression)![1];
    const { threw, api, message } = answers[i];
    if (hosts.has(expression)) return assertEquals(threw, "ReferenceError", expression);
    assertEquals(threw, "DeterminismError", expression);
    assertEquals(api, name, expression);
    assert(
      message!.includes(`${name} is not available in a processor: `) && message!.length > name.length + 45,
      expression,
    );
  });
});

Deno.test("a global that only exists outside is reported as a DeterminismError when it fails the record", async () => {
  const cell = openCell(await codeOf(scriptOf("process.hrtime();")));
  const { failures } = runFeed(cell, [batchOf([1])]);
  assertEquals(failures[0].name, "DeterminismError");
  assert(failures[0].message.startsWith("process is not available in a processor: "));
});

Deno.test("dynamic import reaches nothing", async () => {
  const specifiers = ["node:fs", "npm:zod", "https://example.com/x.js", "data:text/javascript,1", "file:///etc/hosts"];
  const code = await codeOf(scriptOf(
    `for (const name of value) { try { await import(name); context.emit({ value: "loaded" }); } catch { context.emit({ value: "refused" }); } }`,
    { isAsync: true },
  ));
  assertEquals(emitted(runFeed(openCell(code), [batchOf([specifiers])])), specifiers.map(() => "refused"));
});

Deno.test("nothing reachable from a record, a context or an error leads to a function of the host", async () => {
  const code = await codeOf(scriptOf(`
    const seen = new Set(); const open: any[] = [record, context, new Error("x"), globalThis, (() => { try { fetch } catch (e) { return e } })()];
    const foreign: string[] = []; seen.add(Function.prototype);
    while (open.length) { const next = open.pop(); if (next === null || (typeof next !== "object" && typeof next !== "function") || seen.has(next)) continue; seen.add(next);
      if (typeof next === "function" && !(next instanceof Function)) { const p = Object.getPrototypeOf(next); if (typeof p !== "function") foreign.push(String(next).slice(0, 40)); }
      for (const name of Reflect.ownKeys(next)) { const d = Object.getOwnPropertyDescriptor(next, name)!; open.push("value" in d ? d.value : undefined, d.get, d.set); if (d.get && next !== globalThis) { try { open.push(next[name]); } catch {} } }
      open.push(Object.getPrototypeOf(next)); }
    context.emit({ value: { foreign, seen: seen.size } });`));
  const [{ foreign, seen }] = emitted(runFeed(openCell(code), [batchOf([1])])) as [{ foreign: string[]; seen: number }];
  assertEquals(foreign, []);
  assert(seen > 500, `${seen} objects were looked at`);
});

Deno.test("nothing that records share can be changed by one of them: all intrinsics are frozen, getters and setters too", async () => {
  const code = await codeOf(scriptOf(`
    const seen = new Set(); const open: [string, any][] = [["globalThis", globalThis]]; const soft: string[] = [];
    const syntax = [async () => {}, function* () {}, async function* () {}, [][Symbol.iterator](), "".matchAll(/a/g), new Map().keys(), Uint8Array.prototype];
    for (const each of syntax) open.push(["syntax", Object.getPrototypeOf(each)]);
    while (open.length) { const [path, next] = open.pop()!; if ((typeof next !== "object" && typeof next !== "function") || next === null || seen.has(next)) continue; seen.add(next);
      if (path === "globalThis" ? Object.isExtensible(next) : !Object.isFrozen(next) && !path.startsWith("globalThis.__sluice")) soft.push(path);
      for (const name of Reflect.ownKeys(next)) { const d = Object.getOwnPropertyDescriptor(next, name)!; open.push([path + "." + String(name), d.value], [path + ".get " + String(name), d.get], [path + ".set " + String(name), d.set]); }
      open.push([path + ".[[Prototype]]", Object.getPrototypeOf(next)]); }
    context.emit({ value: { soft, seen: seen.size } });`));
  const [{ soft, seen }] = emitted(runFeed(openCell(code), [batchOf([1])])) as [{ soft: string[]; seen: number }];
  assertEquals(soft, []);
  assert(seen > 1000, `${seen} objects were looked at`);
});
