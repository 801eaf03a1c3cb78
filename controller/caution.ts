/**
 * How feeds are cut after one broke its sandbox: smaller and smaller, until the record that does it is alone.
 *
 * While there is a plan, one feed is under way at a time, so that the blame falls on the right one.
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
