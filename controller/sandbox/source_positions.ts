/** From positions in a bundle to places in the user's own files. */

import { allGeneratedPositionsFor, LEAST_UPPER_BOUND, originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { isGenerated, isOurs } from "./own_files.ts";
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

  /** The files that are the user's. */
  userFiles(): readonly string[] {
    return this.#map.sources.filter((source): source is string =>
      source !== null && !isOurs(source) && !isGenerated(source)
    );
  }

  /** Where `line` (from 1) of the file whose path ends in `file` is in the bundle; undefined where no code is. */
  generated(file: string, line: number): { readonly line: number; readonly column: number } | undefined {
    const source = this.userFiles().find((each) => each === file || each.endsWith(`/${file}`));
    if (source === undefined) return undefined;
    const needle = { source, line, column: 0, bias: LEAST_UPPER_BOUND } as const;
    for (const found of allGeneratedPositionsFor(this.#map, needle)) {
      // What is asked for may be a line without code, which the map answers with the next that has some.
      const original = originalPositionFor(this.#map, { line: found.line!, column: found.column! });
      if (original.line === line) return { line: found.line!, column: found.column! };
    }
    return undefined;
  }

  /** A stack whose frames show the user's files; frames of Sluice itself are left out. */
  translate(stack: string): string {
    const pattern = new RegExp(`\\(${BUNDLE_FILE.replace(".", "\\.")}:(\\d+):(\\d+)\\)`);
    return stack.split("\n").flatMap((frame) => {
      const [place, line, column] = pattern.exec(frame) ?? [];
      if (place === undefined) return [frame];
      const found = this.find(Number(line), Number(column) - 1);
      if (!found || isOurs(found.file) || isGenerated(found.file)) return [];
      return [frame.replace(place, `(${found.file}:${found.line}:${found.column})`)];
    }).join("\n");
  }
}
