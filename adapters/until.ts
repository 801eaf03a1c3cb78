/** Waiting that a reader may give up. */

/** Resolves when `done` settles, however it does, or when `signal` aborts. */
export function until(done: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      signal.removeEventListener("abort", end);
      resolve();
    };
    if (signal.aborted) return end();
    signal.addEventListener("abort", end);
    done.then(end, end);
  });
}
