/** What happened in a world, line by line: equal seeds give equal traces, which a digest of all lines shows. */

import { Digest } from "../../../engine/digest.ts";

const LINES_KEPT = 100_000;
const encoder = new TextEncoder();

/** See the module. */
export class Trace {
  readonly #digest = new Digest();
  readonly #lines: string[] = [];
  #count = 0;

  add(line: string): void {
    this.#count++;
    const bytes = encoder.encode(line);
    this.#digest.update(new DataView(bytes.buffer), 0, bytes.length);
    this.#lines.push(line);
    if (this.#lines.length > 2 * LINES_KEPT) this.#lines.splice(0, LINES_KEPT);
  }

  /** Tells one trace from every other. */
  get digest(): string {
    return this.#digest.toBytes().toHex();
  }

  get count(): number {
    return this.#count;
  }

  /** The last lines, as many as are kept. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** The last lines, with runs of alike ones told as one. */
  shortened(linesMax: number): readonly string[] {
    const folded: string[] = [];
    let last = "";
    let repeats = 0;
    for (const line of this.#lines) {
      const kind = line.replace(/^\S+ /, "").replace(/\d+/g, "#");
      if (kind === last) {
        repeats++;
        continue;
      }
      if (repeats > 0) folded.push(`        … ${repeats} more of these`);
      folded.push(line);
      last = kind;
      repeats = 0;
    }
    return folded.slice(-linesMax);
  }
}
