/** Waiting for what passes: for how long, and what is said of it meanwhile. */

import { assertEquals, assertRejects } from "@std/assert";
import { outageNotice, patiently } from "../../adapters/patience.ts";

/** A clock that moves on by whatever somebody waits for. */
class MovedClock implements Disposable {
  readonly #now = performance.now;
  readonly #setTimeout = globalThis.setTimeout;
  nowMs = 0;

  constructor() {
    performance.now = () => this.nowMs;
    globalThis.setTimeout = ((then: () => void, timeMs = 0) => {
      this.nowMs += timeMs;
      queueMicrotask(then);
      return 0;
    }) as unknown as typeof setTimeout;
  }

  [Symbol.dispose](): void {
    performance.now = this.#now;
    globalThis.setTimeout = this.#setTimeout;
  }
}

/** Waits until `upMs`, or for a minute; answers what was said. */
async function waited(clock: MovedClock, upMs: number, says: string[] = []): Promise<readonly string[]> {
  const onOutage = outageNotice("the broker", (text) => says.push(`${Math.floor(clock.nowMs / 1000)} s: ${text}`));
  const attempt = () => {
    return clock.nowMs < upMs ? Promise.reject(new Error("connection refused")) : Promise.resolve("up");
  };
  const wait = () => patiently({ timeMsMax: 60_000, isPassing: () => true, onOutage }, attempt);
  if (upMs > 60_000) await assertRejects(wait, Error, "connection refused");
  else await Promise.all([wait(), wait(), wait()]);
  return says;
}

Deno.test("an outage that lasts is told of once, however many wait; one that passes at once is not", async () => {
  using clock = new MovedClock();
  assertEquals(await waited(clock, 2_000), []);
  clock.nowMs = 0;
  const said = await waited(clock, 40_000);
  assertEquals(said.length, 1);
  assertEquals(
    said[0].slice(said[0].indexOf(":")),
    ": the broker cannot be read for now, and is tried again: connection refused",
  );
});

Deno.test("an outage is waited for as long as was said, counted from its first error", async () => {
  using clock = new MovedClock();
  await waited(clock, Infinity);
  assertEquals(clock.nowMs > 60_000 && clock.nowMs <= 66_000, true, `${clock.nowMs} ms`);
});

Deno.test("who leaves hears at once why, without waiting for the next attempt", async () => {
  const leaving = new AbortController();
  let attempts = 0;
  const attempt = () => {
    if (++attempts === 3) leaving.abort();
    return Promise.reject(new Error("connection refused"));
  };
  const options = { timeMsMax: 60_000, isPassing: () => true, leave: leaving.signal };
  await assertRejects(() => patiently(options, attempt), Error, "connection refused");
  assertEquals(attempts, 3);
});
