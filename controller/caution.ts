/**
 * How feeds are cut after one broke its sandbox: smaller and smaller, until the record that does it is alone.
 *
 * While there is a plan, one feed is under way at a time, so that the blame falls on the right one. It falls on nobody for
 * a single time: a machine that sleeps longer than a record may take, or whoever kills processes, does no record justice.
 */

/** See the module. */
export class Caution {
  #plan: number[] = [];

  get isActive(): boolean {
    return this.#plan.length > 0;
  }

  /** The size of the next feed, or undefined when there is nothing to fear. */
  get recordsMax(): number | undefined {
    return this.#plan[0];
  }

  /** Plans for `records` records of which one broke the sandbox: record `suspect`, when that is known. */
  suspect(records: number, suspect: number | undefined): void {
    this.#plan.shift();
    const first = suspect ?? Math.ceil(records / 2);
    const parts = suspect === undefined ? [first, records - first] : [first, 1];
    this.#plan.unshift(...parts.filter((part) => part > 0));
  }

  /** Plans to try once more what broke the sandbox alone: something else may have broken it just then. */
  tryAgain(): void {
    this.#plan.unshift(1);
  }

  /** Notes that a feed of `records` records went well. */
  passed(records: number): void {
    if (this.#plan.length === 0) return;
    this.#plan[0] -= records;
    if (this.#plan[0] <= 0) this.#plan.shift();
  }

  /** Notes that the record that was alone has been dealt with. */
  resolved(): void {
    this.#plan.shift();
  }
}
