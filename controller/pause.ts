/** Waiting that ends early when the task is to stop. */

/** Resolves after `timeMs`, or when `stop` aborts. */
export function pause(timeMs: number, stop: AbortSignal): Promise<void> {
  if (stop.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      stop.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, timeMs);
    stop.addEventListener("abort", done);
  });
}
