/** The elements with the greatest number, all of them: an aggregate of one's own. */

import { type Aggregate, aggregate } from "@sluice/sluice/pipeline";

interface Hottest<T> {
  readonly most: number;
  readonly elements: readonly T[];
}

/** See the module. */
export function hottest<T>(of: (value: T) => number): Aggregate<T, readonly T[]> {
  const hotter = (a: Hottest<T>, b: Hottest<T>): Hottest<T> =>
    a.most > b.most ? a : b.most > a.most ? b : { most: a.most, elements: [...a.elements, ...b.elements] };
  return aggregate<T, readonly T[], Hottest<T>>({
    kind: "hottest",
    create: () => ({ most: 0, elements: [] }),
    add: (state, value) => hotter(state, { most: of(value), elements: [value] }),
    merge: hotter,
    result: ({ elements }) => elements,
  });
}
