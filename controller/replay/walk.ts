/** Recorded feeds through a realm, one after the other, while the next ones are loaded and processed. */

import type { FeedEntry } from "../journal/journal.ts";
import { RealmBroken } from "../realm.ts";
import { releaseFeed } from "../release.ts";
import type { RanFeed, RecordedRealm, StartedFeed } from "./recorded_realm.ts";
import { InputsChanged } from "./recorded_feed.ts";

/** A feed that was run again, or why it cannot be. */
export type Walked =
  | ({ readonly kind: "ran" } & RanFeed)
  | { readonly kind: "missing"; readonly entry: FeedEntry; readonly error: InputsChanged }
  | ({ readonly kind: "broken" } & BrokenFeed);

/** A feed that broke its sandbox. */
export interface BrokenFeed extends Pick<StartedFeed, "entry" | "feed"> {
  readonly error: RealmBroken;
}

/** Feeds between loading and being looked at. */
const FEEDS_STARTED_MAX = 3;

/**
 * Runs the feeds of `entries`. What is yielded is given back when the next one is asked for. Feeds in which nothing was
 * processed are left out. Behind a feed that broke its sandbox the next one finds a fresh realm, with the recorded state.
 */
export async function* walk(realm: RecordedRealm, entries: Iterable<FeedEntry>): AsyncGenerator<Walked, void> {
  let started: (StartedFeed | Walked)[] = [];
  const next = async function* (): AsyncGenerator<Walked, void> {
    const walked = await finish(started.shift()!);
    yield walked;
    if (walked.kind === "ran") releaseFeed(walked.feed.batches, walked.fed);
    if (walked.kind !== "broken") return;
    // Those behind it were lost with the realm.
    await realm.close();
    const lost = started;
    started = [];
    for (const { entry } of lost) started.push((await start(realm, entry, started.length))!);
  };
  for (const entry of entries) {
    const each = await start(realm, entry, started.length);
    if (each) started.push(each);
    if (started.length >= FEEDS_STARTED_MAX) yield* next();
  }
  while (started.length > 0) yield* next();
}

async function start(
  realm: RecordedRealm,
  entry: FeedEntry,
  underWay: number,
): Promise<StartedFeed | Walked | undefined> {
  try {
    return await realm.start(entry);
  } catch (error) {
    if (error instanceof InputsChanged) return { kind: "missing", entry, error };
    // A feed before it broke the realm: it will be started again behind that one.
    const isLost = error instanceof RealmBroken && underWay > 0;
    if (isLost) return { kind: "broken", entry, feed: { seq: entry.seq, batches: [], segments: [] }, error };
    throw error;
  }
}

async function finish(started: StartedFeed | Walked): Promise<Walked> {
  if ("kind" in started) return started;
  try {
    return { kind: "ran", ...started, fed: await started.fed };
  } catch (error) {
    if (!(error instanceof RealmBroken)) throw error;
    const { entry, feed } = started;
    return { kind: "broken", entry, feed, error };
  }
}
