/** From positions in a bundle to places in the user's own files. */

import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { isOurs } from "./own_files.ts";
import { BUNDLE_FILE } from "./realm/errors.ts";

/** A place in a file. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Looks positions up in one source map. */
export class SourcePositions {
  readonly #map: TraceMap;

  constructor(sourceMap: string) {
    this.#map = new TraceMap(sourceMap);
  }

  /** The place of `line` (from 1) and `column` (from 0) of the bundle; undefined when it is no one's. */
  find(line: number, column: number): SourcePosition | undefined {
    const { source, line: sourceLine, column: sourceColumn } = originalPositionFor(this.#map, { line, column });
    if (source === null) return undefined;
    return { file: source, line: sourceLine, column: sourceColumn + 1 };
  }

  /** A stack whose frames show the user's files; frames of Sluice itself are left out. */
  translate(stack: string): string {
    const pattern = new RegExp(`\\(${BUNDLE_FILE.replace(".", "\\.")}:(\\d+):(\\d+)\\)`);
    return stack.split("\n").flatMap((frame) => {
      const [place, line, column] = pattern.exec(frame) ?? [];
      if (place === undefined) return [frame];
      const found = this.find(Number(line), Number(column) - 1);
      if (!found || isOurs(found.file)) return [];
      return [frame.replace(place, `(${found.file}:${found.line}:${found.column})`)];
    }).join("\n");
  }
}
