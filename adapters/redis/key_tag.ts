/** Keys with equal hash tags are in the same slot of a cluster (redis.io, "Redis cluster specification"). */

/** The part of `key` that decides its slot. */
export function tagOf(key: string): string {
  return /^[^{]*\{([^}]+)\}/.exec(key)?.[1] ?? key;
}
