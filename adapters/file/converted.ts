/**
 * Files that are not read in place: `.gz` is decompressed and `.csv` becomes lines of JSON, once, into a temporary file.
 *
 * Offsets are positions in the lines that come out, which are a function of the file alone. Such files are bounded:
 * what is appended to them later is not followed. Rows of a CSV are objects by the names in its header; values are text.
 */

import { createReadStream, createWriteStream } from "node:fs";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";

/** Whether `path` is read by way of a conversion. */
export function isConverted(path: string): boolean {
  return /\.(?:gz|csv)$/i.test(path);
}

/** Converts the file at `path`; answers the path of the lines, which the caller removes. */
export async function convertFile(path: string): Promise<string> {
  const lines = await Deno.makeTempFile({ prefix: "sluice-lines-", suffix: ".ndjson" });
  const steps: Transform[] = [];
  if (/\.gz$/i.test(path)) steps.push(createGunzip());
  if (/\.csv(?:\.gz)?$/i.test(path)) {
    const { parse } = await import("csv-parse");
    steps.push(parse({ columns: true, bom: true, skip_empty_lines: true }), toJsonLines());
  }
  try {
    await pipeline([createReadStream(path), ...steps, createWriteStream(lines)]);
  } catch (error) {
    await Deno.remove(lines);
    throw error;
  }
  return lines;
}

function toJsonLines(): Transform {
  return new Transform({
    writableObjectMode: true,
    transform(row: unknown, _encoding, done): void {
      done(null, `${JSON.stringify(row)}\n`);
    },
  });
}
