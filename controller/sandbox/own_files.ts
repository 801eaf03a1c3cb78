/** Which files of a bundle are ours and which are the user's. */

const ROOT = new URL("../../", import.meta.url).pathname;

/** Whether `source` was written by the bundler for one bundle: its entry, its parameters. */
export function isGenerated(source: string): boolean {
  return /\/sluice-bundle-[^/]+\/[^/]+$/.test(source);
}

/** Whether `file` is part of Sluice's engine or kernel. */
export function isOurs(file: string): boolean {
  return ["engine/", "controller/", "formats/", "processor.ts"].some((part) => file.startsWith(`${ROOT}${part}`));
}
