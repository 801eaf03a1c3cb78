/** Outputs in a folder with a file per task. */

import type { TestFolder } from "./processor_script.ts";

/** The JSON lines of all parts, in order of the tasks' numbers: a key's lines are in the order in which they were written. */
export function readParts<T>(folder: TestFolder, name: string): T[] {
  const number = (file: string) => Number(/\d+/.exec(file)![0]);
  const files = [...Deno.readDirSync(folder.at(name))].map((entry) => entry.name).sort((a, b) => number(a) - number(b));
  return files.flatMap((file) =>
    folder.read(`${name}/${file}`).split("\n").filter(Boolean).map((line) => JSON.parse(line))
  );
}
