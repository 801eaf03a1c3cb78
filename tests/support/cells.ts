/** Cells in the test's own thread, fed with JSON values. */

import { type MemoryRecord, packRecords } from "../../adapters/memory/source.ts";
import { bundleProcessor } from "../../controller/sandbox/bundle.ts";
import { Cell } from "../../controller/sandbox/cell.ts";
import type { Fed, RealmOptions } from "../../controller/sandbox/protocol.ts";
import { mergeOrder } from "../../controller/sealer.ts";
import type { Batch } from "../../engine/batch.ts";
import { TestFolder } from "./processor_script.ts";

/** How realms are opened, unless a test says otherwise. */
export const OPTIONS: RealmOptions = {
  seed: 7,
  clock: "feed",
  onError: "halt",
  nowMs: 0,
  isStarted: false,
  initialTimeMs: 1_700_000_000_000,
  recordTimeMsMax: 2000,
};

/** The code of a processor script. */
export async function codeOf(source: string): Promise<string> {
  await using folder = new TestFolder();
  return (await bundleProcessor(folder.write("processor.ts", source))).code;
}

/** An open cell. */
export function openCell(code: string, options: Partial<RealmOptions> = {}): Cell {
  const all = { ...OPTIONS, ...options };
  const cell = new Cell(code, all);
  cell.open(all);
  return cell;
}

/** A batch of records; offsets count from `firstOffset`. */
export function batchOf(values: readonly unknown[], firstOffset = 0, partition = "0"): Batch {
  const records = values.map((value, i): MemoryRecord & { offset: bigint } => ({
    value: value instanceof Uint8Array ? value : JSON.stringify(value),
    offset: BigInt(firstOffset + i),
  }));
  return packRecords("test", partition, records);
}

/** Runs a feed of `batches` to its end; effects are answered by `answer`. */
export function runFeed(
  cell: Cell,
  batches: readonly Batch[],
  { timeMs = 1_700_000_000_000, tickMs = undefined as number | undefined, end = false, seq = 0 } = {},
): Fed {
  const segments = batches.length === 0 ? [] : mergeOrder(batches, batches.map(() => "default"), timeMs);
  cell.begin({ seq, batches, segments, ...(tickMs === undefined ? {} : { tickMs }), end });
  while (cell.step(() => {}) === "waiting") {
    cell.deliver(
      cell.takeRequests().map(({ id, name, inputJson }) => ({ id, ok: true, text: JSON.stringify([name, inputJson]) })),
    );
  }
  return cell.takeFed();
}

/** The values a feed emitted. */
export function emitted({ outputs }: Fed): unknown[] {
  return new TextDecoder().decode(outputs.values).split("\n").slice(0, -1).map((line) =>
    line === "" ? null : JSON.parse(line)
  );
}
