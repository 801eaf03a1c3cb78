/** What the realm does next: the host plans it through a door, and runs it under a time limit. */

let planned: () => void = () => {};

/** Says what {@linkcode carryOut} does. */
export function plan(work: () => void): void {
  planned = work;
}

/** Does what was planned last. */
export function carryOut(): void {
  planned();
}
