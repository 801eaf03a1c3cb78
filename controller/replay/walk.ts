/** Recorded feeds through a realm, one after the other, while the next ones are loaded and processed. */

import type { FeedEntry } from "../journal/journal.ts";
import { releaseFeed } from "../release.ts";
import type { RanFeed, RecordedRealm, StartedFeed } from "./recorded_realm.ts";
import { InputsChanged } from "./recorded_feed.ts";

/** A feed that was run again, or why it cannot be. */
export type Walked =
  | ({ readonly kind: "ran" } & RanFeed)
  | { readonly kind: "missing"; readonly entry: FeedEntry; readonly error: InputsChanged };

/** Feeds between loading and being looked at. */
const FEEDS_STARTED_MAX = 3;

/**
 * Runs the feeds of `entries`. What is yielded is given back when the next one is asked for. Feeds in which nothing was
 * processed are left out.
 *
 * @throws {RealmBroken} when a feed breaks the sandbox
 */
export async function* walk(realm: RecordedRealm, entries: Iterable<FeedEntry>): AsyncGenerator<Walked, void> {
  const started: (StartedFeed | Walked)[] = [];
  for (const entry of entries) {
    const next = await start(realm, entry);
    if (next) started.push(next);
    if (started.length >= FEEDS_STARTED_MAX) yield* finish(started.shift()!);
  }
  for (const each of started) yield* finish(each);
}

async function start(realm: RecordedRealm, entry: FeedEntry): Promise<StartedFeed | Walked | undefined> {
  try {
    return await realm.start(entry);
  } catch (error) {
    if (error instanceof InputsChanged) return { kind: "missing", entry, error };
    throw error;
  }
}

async function* finish(started: StartedFeed | Walked): AsyncGenerator<Walked, void> {
  if ("kind" in started) return yield started;
  const fed = await started.fed;
  yield { kind: "ran", ...started, fed };
  releaseFeed(started.feed.batches, fed);
}
