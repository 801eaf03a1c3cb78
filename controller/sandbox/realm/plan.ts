/** What the realm does next: the host plans it through a door, and runs it under a time limit. */

const NOTHING = (): void => {};

let planned = NOTHING;

/** Says what {@linkcode carryOut} does. */
export function plan(work: () => void): void {
  planned = work;
}

/** Does what was planned last, once; nothing is held on to that may be gone before there is another plan. */
export function carryOut(): void {
  const work = planned;
  planned = NOTHING;
  work();
}
