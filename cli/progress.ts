/** A bar on a terminal that shows how far a bounded run has come. */

import type { Source } from "../adapters/source.ts";
import type { Committed } from "../controller/task_setup.ts";

/** See the module. */
export interface ProgressBar {
  advance(task: string, committed: Committed): void;
  close(): void;
}

/** A bar over `sources`; undefined when nobody looks, or no source knows its end. */
export async function openProgress(sources: readonly Source[]): Promise<ProgressBar | undefined> {
  if (!Deno.stderr.isTerminal()) return undefined;
  // Positions of some are no counts: then records are counted.
  const isCounted = sources.some((source) => source.lag !== undefined);
  const total = await (isCounted ? recordsIn(sources) : lengthOf(sources));
  if (total === undefined) return undefined;
  const [{ default: progress }, { default: process }] = await Promise.all([
    import("cli-progress"),
    import("node:process"),
  ]);
  const format = "{bar} {percentage} % · {records} records · {eta_formatted} left";
  const bar = new progress.SingleBar({ format, stream: process.stderr, clearOnComplete: true, hideCursor: true });
  const positions = new Map<string, number>();
  let records = 0;
  bar.start(total, 0, { records });
  return {
    advance(task, committed) {
      records += committed.records;
      for (const [partition, { position }] of committed.progress) {
        positions.set(`${task} ${partition}`, Number(position));
      }
      const done = isCounted ? records : [...positions.values()].reduce((sum, position) => sum + position, 0);
      bar.update(Math.min(done, total), { records });
    },
    close: () => bar.stop(),
  };
}

/** How many positions there are; undefined when a source cannot tell. */
async function lengthOf(sources: readonly Source[]): Promise<number | undefined> {
  let length = 0;
  for (const source of sources) {
    for (const partition of await source.partitions()) {
      const end = await source.latest?.(partition);
      if (end === undefined) return undefined;
      length += Number(end);
    }
  }
  return length;
}

/** How many records there are to read; undefined when a source cannot tell. */
async function recordsIn(sources: readonly Source[]): Promise<number | undefined> {
  let records = 0;
  for (const source of sources) {
    for (const partition of await source.partitions()) {
      const lag = await source.lag?.(partition, await source.start(partition), undefined);
      if (lag === undefined) return undefined;
      records += Number(lag);
    }
  }
  return records;
}
