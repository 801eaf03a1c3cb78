/** How many feeds all tasks of a run have under way together (I8): each feed has a permit from sealing to commit. */

/** See the module. */
export class Permits {
  #left: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#left = count;
  }

  /** Takes a permit if one is left. */
  tryTake(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }

  /** Gives `count` permits back. */
  give(count: number): void {
    this.#left += count;
    for (let i = 0; i < count; i++) this.#waiting.shift()?.();
  }

  /** Resolves when one may be left, or `stop` aborts; in the order of asking. */
  async freed(stop: AbortSignal): Promise<void> {
    if (this.#left > 0 || stop.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#waiting.push(wake);
    stop.addEventListener("abort", wake);
    await promise;
    stop.removeEventListener("abort", wake);
    // Who is woken by the end of the run must not hold the place of somebody else.
    const at = this.#waiting.indexOf(wake);
    if (at >= 0) this.#waiting.splice(at, 1);
  }
}
