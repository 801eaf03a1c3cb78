/** Which files of a bundle are ours and which are the user's. */

import { fileURLToPath } from "node:url";

const URL_OF_ROOT = new URL("../../", import.meta.url);
const ROOT = URL_OF_ROOT.protocol === "file:" ? fileURLToPath(URL_OF_ROOT) : URL_OF_ROOT.href;

/** Whether `source` was written by the bundler for one bundle: its entry, its parameters. */
export function isGenerated(source: string): boolean {
  return /\/sluice-bundle-[^/]+\/[^/]+$/.test(source);
}

/** What of Sluice is in bundles besides what a user would read as a processor. */
const PARTS = ["engine/", "controller/", "formats/", "processor.ts", "pipeline.ts"].concat(
  ["aggregates", "declared", "joins", "operators", "pipeline", "time", "windows"].map((room) => `processors/${room}/`),
);

/** Packages that operators and formats of ours are made with. */
const PACKAGES = /\/(?:@marcbachmann\/cel-js|@msgpack\/msgpack|core-js)\//;

/** Whether `file` belongs to an npm package: where npm puts those, or in Deno's cache, by host, name and version. */
export function isOfPackage(file: string): boolean {
  return /\/node_modules\/|\/npm\/[^/]+\/(?:@[^/]+\/)?[^/]+\/\d+\.\d+\.[^/]+\//.test(file);
}

/** Whether `file` is part of Sluice, which is at `root`: its engine, kernel or operators, or a package of theirs. */
export function isOurs(file: string, root: string = ROOT): boolean {
  return PARTS.some((part) => file.startsWith(`${root}${part}`)) || PACKAGES.test(file);
}
