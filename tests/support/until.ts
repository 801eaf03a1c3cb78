/** Waiting for something to be so: it is looked at again and again, and given up loudly. */

const AGAIN_MS = 20;
const GIVE_UP_MS = 60_000;

/**
 * Waits until `holds` answers true.
 *
 * @throws {Error} when it has not within a minute
 */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + GIVE_UP_MS;
  while (!await holds()) {
    if (performance.now() > endMs) throw new Error(`It is not so after ${GIVE_UP_MS} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
