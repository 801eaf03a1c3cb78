/**
 * Streams, and streams in several parts: part `n` of `orders` is the key `orders:n`, as SeaStreamer lays out its shards
 * and most people do by hand.
 */

import type { SourcePartition } from "../source.ts";

/** The keys of one stream. */
export interface StreamSelection {
  /** Its name; the key, where it has no parts. */
  readonly stream: string;
  /** Its parts, both ends included; `all`: 0 and all that follow without a gap, looked for again while running. */
  readonly parts?: "all" | { readonly first: number; readonly last: number };
}

const ONLY_PARTITION = "0";

/** Reads `orders`, `orders:0..3` or `orders:*`. */
export function parseSelection(text: string): StreamSelection {
  const [, stream, first, last] = /^(.+):(?:\*|(\d+)\.\.(\d+))$/.exec(text) ?? [];
  if (stream === undefined) return { stream: text };
  return { stream, parts: first === undefined ? "all" : { first: Number(first), last: Number(last) } };
}

/** What {@linkcode parseSelection} reads. */
export function selectionText({ stream, parts }: StreamSelection): string {
  if (parts === undefined) return stream;
  return parts === "all" ? `${stream}:*` : `${stream}:${parts.first}..${parts.last}`;
}

/** The key of a partition. */
export function keyOf(selections: readonly StreamSelection[], { stream, partition }: SourcePartition): string {
  const isWhole = selections.some((each) => each.stream === stream && each.parts === undefined);
  return isWhole ? stream : `${stream}:${partition}`;
}

/** The partitions of a selection; `exists` tells whether there is a key. */
export async function partitionsOf(
  { stream, parts }: StreamSelection,
  exists: (key: string) => Promise<boolean>,
): Promise<readonly SourcePartition[]> {
  if (parts === undefined) return [{ stream, partition: ONLY_PARTITION }];
  const { first, last } = parts === "all" ? { first: 0, last: Infinity } : parts;
  // The first is always there: it may be made later.
  const partitions = [{ stream, partition: String(first) }];
  for (let part = first + 1; part <= last; part++) {
    if (parts === "all" && !await exists(`${stream}:${part}`)) break;
    partitions.push({ stream, partition: String(part) });
  }
  return partitions;
}
