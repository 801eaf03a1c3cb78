/** Outputs as lines of text: what line-based sinks write. */

import type { PackedOutputs } from "../engine/output.ts";

const LINE_FEED = 10;
const NULL = new TextEncoder().encode("null\n");

/** A value that would become two lines. */
export class LineFeedError extends Error {
  override readonly name = "LineFeedError";
  readonly code = "E_LINE_FEED";

  constructor() {
    super("a value contains a line feed, which would make it two lines; use the json codec");
  }
}

/**
 * The outputs as lines; as a rule they are lines already.
 *
 * @throws {LineFeedError} when a value is not a single line
 */
export function linesOf(outputs: PackedOutputs): Uint8Array {
  if (!outputs.isSingleLine && countLineFeeds(outputs.values) !== outputs.count) throw new LineFeedError();
  return outputs.valueLengths.includes(-1) ? withNulls(outputs) : outputs.values;
}

function countLineFeeds(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count++;
  return count;
}

function withNulls({ values, valueLengths }: PackedOutputs): Uint8Array {
  const nulls = valueLengths.filter((length) => length < 0).length;
  const lines = new Uint8Array(values.length + nulls * (NULL.length - 1));
  let from = 0;
  let to = 0;
  for (const length of valueLengths) {
    const line = length < 0 ? NULL : values.subarray(from, from + length + 1);
    lines.set(line, to);
    from += Math.max(length, 0) + 1;
    to += line.length;
  }
  return lines;
}
