/** The records of a case as a test writes them: what they decode from is the same, to the byte where need be. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { CaseContents, CaseRecord } from "../../controller/cases/read_case.ts";
import { testSource } from "../../cli/test_source.ts";

const encoder = new TextEncoder();

function contentsOf(payload: Uint8Array | null, codec: string): CaseContents {
  const record: CaseRecord = {
    input: "default",
    stream: "orders",
    partition: "0",
    offset: 7n,
    key: null,
    value: payload,
    eventTimeMs: undefined,
    headers: [],
  };
  const feed = { seq: 0, timeMs: 0, records: [record], tickMs: undefined, isEnd: false, failure: undefined };
  const run = { name: "test", processor: "test", seed: 0, clock: "feed", createdMs: 0 } as CaseContents["run"];
  const nothing = { effects: [], state: new Map(), timers: new Map(), scriptPath: undefined };
  return {
    run,
    feeds: [feed],
    records: [record],
    codecs: { default: codec },
    onError: "halt",
    script: "p.ts",
    ...nothing,
  };
}

/** How a payload is written for an input of `codec`. */
const CASES: readonly (readonly [codec: string, payload: string | Uint8Array | null, written: string])[] = [
  ["json", '{"b":1, "a":[true,null]}', '{"b":1,"a":[true,null]}'],
  ["json", null, "null"],
  // A payload that is JSON's null is no tombstone.
  ["json", "null", 'new TextEncoder().encode("null")'],
  ["json", "not json", 'new TextEncoder().encode("not json")'],
  ["json", "1e999", 'new TextEncoder().encode("1e999")'],
  ["json", "[-0]", 'new TextEncoder().encode("[-0]")'],
  ["json", '{"__proto__":1}', 'new TextEncoder().encode("{\\"__proto__\\":1}")'],
  ["text", "5", '"5"'],
  ["text", Uint8Array.of(0xff), 'Uint8Array.fromBase64("/w==")'],
  ["text", "\uFEFFa", '"\uFEFFa"'],
  ["bytes", Uint8Array.of(0xff, 0), 'Uint8Array.fromBase64("/wA=")'],
  ["csv", "a,b", 'new TextEncoder().encode("a,b")'],
  ["msgpack", Uint8Array.of(0x81, 0xa1), 'Uint8Array.fromBase64("gaE=")'],
];

Deno.test("records of a case are written as values where those are the same, else as their bytes", () => {
  for (const [codec, payload, written] of CASES) {
    const bytes = typeof payload === "string" ? encoder.encode(payload) : payload;
    const source = testSource(contentsOf(bytes, codec), { path: "./p.ts", caseName: "c.sluice" });
    assertStringIncludes(source, `{ value: ${written}, offset: 7n }`, `${codec} ${payload}`);
    if (bytes === null) continue;
    // What the test sends is what was recorded: values are encoded as they are for a processor under test.
    const value = new Function(`return (${written})`)() as unknown;
    const isValue = !(value instanceof Uint8Array);
    const decoded = (sent: string) => codec === "json" ? JSON.parse(sent) : sent;
    if (isValue && codec === "json") assertEquals(value, decoded(payload as string));
    else assertEquals(isValue ? encoder.encode(value as string) : value, bytes);
  }
});

Deno.test("times of a case are written as dates, and as numbers where no date is that far", () => {
  const contents = contentsOf(encoder.encode("1"), "json");
  const written = (eventTimeMs: number) => {
    const records = contents.records.map((record) => ({ ...record, eventTimeMs }));
    const feeds = contents.feeds.map((feed) => ({ ...feed, records }));
    return testSource({ ...contents, feeds, records }, { path: "./p.ts", caseName: "c.sluice" });
  };
  assertStringIncludes(written(0), 'eventTimeMs: Date.parse("1970-01-01T00:00:00.000Z")');
  assertStringIncludes(written(1.7e18), "eventTimeMs: 1700000000000000000 ");
});
