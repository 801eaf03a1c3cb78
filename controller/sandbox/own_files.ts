/** Which files of a bundle are ours and which are the user's. */

const ROOT = new URL("../../", import.meta.url).pathname;

/** Whether `file` is part of Sluice's engine or kernel. */
export function isOurs(file: string): boolean {
  return ["engine/", "controller/", "formats/", "processor.ts"].some((part) => file.startsWith(`${ROOT}${part}`));
}
