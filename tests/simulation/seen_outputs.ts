/** What readers of a world's outputs see, and how much of it is the same in every world. */

import type { SeenOutput } from "./place.ts";

/** The values of each key, in order. */
export function valuesByKey(outputs: readonly SeenOutput[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    [...Map.groupBy(outputs, ({ key }) => key)].map(([key, some]) => [key, some.map(({ value }) => value)]),
  );
}

/** How far outputs have come in what is wanted. */
export interface Followed {
  /** How many of those wanted are there, up to where it stands. */
  readonly reached: number;
  /** How many are there, up to where it ever stood. */
  readonly farthest: number;
  /** The first output that is not the next one. */
  readonly wrongAt: number | undefined;
}

/** Compares outputs with those `wanted`, in order. A task that was rewound goes on from any place where it ever was. */
export function follow(
  values: readonly string[],
  wanted: readonly string[] = [],
  { isRewound = false } = {},
): Followed {
  let [reached, farthest] = [0, 0];
  for (const [at, value] of values.entries()) {
    const isNext = value === wanted[reached];
    const again = isNext || !isRewound ? -1 : wanted.slice(0, farthest + 1).lastIndexOf(value);
    if (!isNext && again < 0) return { reached, farthest, wrongAt: at };
    reached = isNext ? reached + 1 : again + 1;
    farthest = Math.max(farthest, reached);
  }
  return { reached, farthest, wrongAt: undefined };
}

/** What does not depend on the time of its task, nor on whom it asks. */
export function withoutTime({ key, value }: SeenOutput): readonly SeenOutput[] {
  const { at: _, rate: __, ...rest } = JSON.parse(value) as { readonly at: number; readonly rate?: number };
  return isAlarm(value) ? [] : [{ key, value: JSON.stringify(rest) }];
}

/** Whether a timer gave it. */
export function isAlarm(value: string): boolean {
  return (JSON.parse(value) as { readonly kind: string }).kind === "alarm";
}
