/** What of the environment changed since a feed was recorded. */

import { environmentFingerprint } from "../environment.ts";

/** In words, such as `v8 14.6 → 15.0, math differs`; undefined when nothing did. */
export function environmentChange(
  was: Readonly<Record<string, string>>,
  is: Readonly<Record<string, string>> = environmentFingerprint(),
): string | undefined {
  const names = Object.keys({ ...was, ...is }).filter((name) => was[name] !== is[name]);
  if (names.length === 0) return undefined;
  return names.map((name) => name === "math" ? MATH : `${name} ${was[name] ?? "unknown"} → ${is[name] ?? "unknown"}`)
    .join(", ");
}

const MATH = "math functions give other bits";
