/** The trace of a feed: what it says, and what is digested of it, is the same however its entries are packed. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { digestFeed } from "../../controller/digests.ts";
import { Digest } from "../../engine/digest.ts";
import { packFeed } from "../../engine/feed.ts";
import { KeyedState } from "../../engine/state.ts";
import { TRACE, Trace, TRACE_KINDS, type TraceColumns, traceEntries } from "../../engine/trace.ts";
import { packOutputs } from "../../formats/unpacked_outputs.ts";

const key = fc.constantFrom("a", "b|1", "b|2", "é|😀", "🏴|é");
const number = fc.oneof(
  fc.integer({ min: 0, max: 2_000_000_000 }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, 9, 10, 999_999_999, 1_000_000_000, 5_000_000_000, -0, 1e21, -1.2345678901234567e-300, 5e-324),
);
const step = fc.oneof(
  fc.record({ act: fc.constant("set" as const), key, value: fc.oneof(number, fc.constantFrom("ü", null, [1], true)) }),
  fc.record({ act: fc.constant("delete" as const), key }),
  fc.record({ act: fc.constant("effect" as const), key }),
  fc.record({ act: fc.constantFrom("keep" as const, "rollback" as const, "take" as const) }),
);

interface Told {
  readonly kind: number;
  readonly subject: string;
  readonly detail: string;
}

/** The entries as text alone, as older bundles have them. */
function plainTrace(entries: readonly Told[]): TraceColumns {
  return {
    text: [entries.map(({ subject, detail }) => subject + detail).join("")],
    kinds: Int32Array.from(entries, ({ kind }) => kind),
    subjectLengths: Int32Array.from(entries, ({ subject }) => subject.length),
    detailLengths: Int32Array.from(entries, ({ detail }) => detail.length),
  };
}

/** Each entry as a unit of its own, and all of them. */
function digestsOf(trace: TraceColumns, changes: ReturnType<KeyedState["takeChanges"]>) {
  const entries = trace.kinds.length;
  const units = {
    records: new Int32Array(entries).fill(-1),
    outputEnds: new Int32Array(entries),
    traceEnds: Int32Array.from({ length: entries }, (_, entry) => entry + 1),
  };
  const chain = new Digest();
  const { unitDigests } = digestFeed(packFeed({ seq: 0, batches: [], segments: [] }), {
    units,
    trace,
    changes,
    outputs: packOutputs([]),
  }, chain);
  return { unitDigests, chain: chain.toBytes() };
}

Deno.test("a trace says what was done and kept, in order, and its digest is that of its text", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const trace = new Trace();
    const state = new KeyedState(trace);
    let kept: Told[] = [];
    let pending: Told[] = [];
    const take = () => {
      trace.keep();
      state.keep();
      const wanted = [...kept, ...pending];
      [kept, pending] = [[], []];
      const [columns, changes] = [trace.take(), state.takeChanges()];
      const told = wanted.map(({ kind, ...rest }) => ({ kind: TRACE_KINDS[kind], ...rest }));
      assertEquals(traceEntries(columns, changes), told);
      assertEquals(digestsOf(columns, changes), digestsOf(plainTrace(wanted), changes));
    };
    for (const each of steps) {
      switch (each.act) {
        case "set":
          state.set(each.key, each.value);
          pending.push({ kind: TRACE.stateSet, subject: each.key, detail: JSON.stringify(each.value) });
          break;
        case "delete":
          if (state.delete(each.key)) pending.push({ kind: TRACE.stateDeleted, subject: each.key, detail: "" });
          break;
        case "effect":
          trace.add(TRACE.effect, each.key, "{}");
          pending.push({ kind: TRACE.effect, subject: each.key, detail: "{}" });
          break;
        case "keep":
          trace.keep();
          state.keep();
          kept.push(...pending);
          pending = [];
          break;
        case "rollback":
          // What was asked of the world stays.
          trace.rollback();
          state.rollback();
          pending = pending.filter(({ kind }) => kind === TRACE.effect);
          break;
        case "take":
          take();
          break;
        default:
          each satisfies never;
      }
    }
    take();
  }));
});
