/** Keys of elements as parts of keys of the state: no key is none of the texts. */

import type { Key } from "./operator.ts";

const ABSENT = "~";

/** A key as the state has it. */
export function keyPart(key: Key): string {
  if (key === null) return ABSENT;
  return key.startsWith(ABSENT) ? ABSENT + key : key;
}

/** The key that {@linkcode keyPart} made text of. */
export function keyOf(part: string): Key {
  if (part === ABSENT) return null;
  return part.startsWith(ABSENT) ? part.slice(1) : part;
}
