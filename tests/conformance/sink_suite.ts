/** What every sink must do; each adapter runs it and shows what a reader of its outputs sees. */

import { assertEquals } from "@std/assert";
import type { Checkpoint, Commit, Sink } from "../../adapters/sink.ts";
import type { PackedOutputs } from "../../engine/output.ts";

/** A sink under test. */
export interface SinkUnderTest extends AsyncDisposable {
  /** The sink, as a new owner opens it. */
  open(): Sink | Promise<Sink>;
  /** The values a reader sees. */
  read(): Promise<readonly string[]>;
}

/** Values as a processor's outputs are packed. */
export function packValues(values: readonly string[]): PackedOutputs {
  const encoder = new TextEncoder();
  return {
    count: values.length,
    values: encoder.encode(values.map((value) => `${value}\n`).join("")),
    keys: new Uint8Array(0),
    valueLengths: Int32Array.from(values, (value) => encoder.encode(value).length),
    keyLengths: new Int32Array(values.length).fill(-1),
    timesMs: new Float64Array(values.length),
    names: new Int32Array(values.length),
    isSingleLine: true,
  };
}

/** A commit of `values`. */
export function commitOf(seq: number, epoch: bigint, values: readonly string[]): Commit {
  const rest = { outputNames: ["default"], positions: [], digest: new Uint8Array(16) };
  return { run: "test", task: "0", seq, epoch, outputs: packValues(values), ...rest };
}

/** Runs the suite. */
export function testSink(name: string, create: () => SinkUnderTest | Promise<SinkUnderTest>): void {
  Deno.test(`${name}: a fresh task has no checkpoint; commits become visible in order`, async () => {
    await using under = await create();
    const sink = await under.open();
    assertEquals((await sink.acquire("0", 1n, undefined)).checkpoint, undefined);
    await sink.commit(commitOf(0, 1n, ["1", '"ü"']));
    await sink.commit(commitOf(1, 1n, []));
    await sink.commit(commitOf(2, 1n, ["3"]));
    await sink.close();
    assertEquals(await under.read(), ["1", '"ü"', "3"]);
  });

  Deno.test(`${name}: a new owner goes on after the last settled feed; what came later is written once`, async () => {
    await using under = await create();
    const first = await under.open();
    await first.acquire("0", 1n, undefined);
    const receipt = await first.commit(commitOf(0, 1n, ["1"]));
    await first.commit(commitOf(1, 1n, ["2"]));
    await first.close();
    // The first owner died before it could settle feed 1.
    const settled: Checkpoint = { seq: 0, epoch: 1n, receipt };
    const second = await under.open();
    const { checkpoint } = await second.acquire("0", 2n, settled);
    for (let seq = checkpoint!.seq + 1; seq <= 2; seq++) {
      await second.commit(commitOf(seq, 2n, [String(seq + 1)]));
    }
    await second.close();
    assertEquals(await under.read(), ["1", "2", "3"]);
  });
}
