/** A line on a terminal that shows how far a run has come: a bar where it has an end, else how much there was. */

import type { Source } from "../adapters/source.ts";
import type { Committed } from "../controller/task_setup.ts";

/** See the module. */
export interface Progress {
  advance(task: string, committed: Committed): void;
  /** Prints a message above the line. */
  say(text: string): void;
  close(): void;
}

/** How far back a rate looks. */
const RATE_MS = 5_000;

/** A bar over `sources`; undefined when nobody looks, or no source knows its end. */
export async function openProgress(sources: readonly Source[]): Promise<Progress | undefined> {
  if (!Deno.stderr.isTerminal()) return undefined;
  // Positions of some are no counts: then records are counted.
  const isCounted = sources.some((source) => source.lag !== undefined);
  const total = await (isCounted ? recordsIn(sources) : lengthOf(sources));
  if (total === undefined) return undefined;
  const { bar, ...line } = await openLine("{bar} {percentage} % · {records} records · {eta_formatted} left", total);
  const positions = new Map<string, number>();
  let records = 0;
  return {
    advance(task, committed) {
      records += committed.records;
      for (const [partition, { position }] of committed.progress) {
        positions.set(`${task} ${partition}`, Number(position));
      }
      const done = isCounted ? records : [...positions.values()].reduce((sum, position) => sum + position, 0);
      bar.update(Math.min(done, total), { records });
    },
    ...line,
  };
}

/** How much a run without an end has done, and how fast it is; undefined when nobody looks. */
export async function openCounter(): Promise<Progress | undefined> {
  if (!Deno.stderr.isTerminal()) return undefined;
  const rate = new Rate();
  let [records, outputs] = [0, 0];
  const text = () => `${records} records · ${outputs} outputs · ${rate.perSecond(records)}/s`;
  const { bar: _, ...line } = await openLine(text, 1);
  return {
    advance(_task, committed) {
      records += committed.records;
      outputs += committed.outputs;
    },
    ...line,
  };
}

/** A forced exit must leave the terminal as it was: the cursor stays, and so does the wrapping of lines. */
async function openLine(format: string | (() => string), total: number) {
  const [{ default: progress }, { default: process }] = await Promise.all([
    import("cli-progress"),
    import("node:process"),
  ]);
  const look = { stream: process.stderr, clearOnComplete: true, linewrap: true, forceRedraw: true };
  const lines = new progress.MultiBar({ ...look, format });
  const bar = lines.create(total, 0, { records: 0 });
  return {
    bar,
    say(text: string): void {
      lines.log(`${text}\n`);
      lines.update();
    },
    close: () => lines.stop(),
  };
}

/** Records per second in the last few seconds. */
class Rate {
  readonly #counts = [{ atMs: performance.now(), records: 0 }];

  perSecond(records: number): number {
    const atMs = performance.now();
    this.#counts.push({ atMs, records });
    while (this.#counts[1].atMs < atMs - RATE_MS) this.#counts.shift();
    const [oldest] = this.#counts;
    return Math.round(1000 * (records - oldest.records) / Math.max(1, atMs - oldest.atMs));
  }
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
