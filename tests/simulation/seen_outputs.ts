/** What readers of a world's outputs see, and how much of it is the same in every world. */

import type { SeenOutput } from "./place.ts";

/** The values of each key, in order. */
export function valuesByKey(outputs: readonly SeenOutput[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    [...Map.groupBy(outputs, ({ key }) => key)].map(([key, some]) => [key, some.map(({ value }) => value)]),
  );
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
