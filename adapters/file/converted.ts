/**
 * Compressed files: `.gz` is decompressed, once, into a temporary file.
 *
 * Offsets are positions in the bytes that come out, which are a function of the file alone. Such files are bounded: what
 * is appended to them later is not followed.
 */

import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";

/** Whether `path` is read by way of a conversion. */
export function isConverted(path: string): boolean {
  return /\.gz$/i.test(path);
}

/** Converts the file at `path`; answers the path of what came out, which the caller removes. */
export async function convertFile(path: string): Promise<string> {
  const converted = await Deno.makeTempFile({ prefix: "sluice-", suffix: ".converted" });
  try {
    await pipeline([createReadStream(path), createGunzip(), createWriteStream(converted)]);
  } catch (error) {
    await Deno.remove(converted);
    throw error;
  }
  return converted;
}
