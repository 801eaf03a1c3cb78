/** Where the page is, in its address: every view can be bookmarked and sent. */

/** A place of the page. */
export interface Route {
  readonly run?: string;
  readonly task?: string;
  readonly feed?: number;
  readonly tab: Tab;
}

/** What is shown of a feed. */
export type Tab = "records" | "state" | "replay";

const TABS: readonly Tab[] = ["records", "state", "replay"];

/** The route in an address such as `#/totals/0/12/state`. */
export function parseRoute(hash: string): Route {
  const [run, task, feed, tab] = hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const seq = /^\d+$/.test(feed ?? "") ? Number(feed) : undefined;
  return {
    tab: TABS.find((each) => each === tab) ?? "records",
    ...(run ? { run } : {}),
    ...(task ? { task } : {}),
    ...(seq === undefined ? {} : { feed: seq }),
  };
}

/** The address of a route. */
export function hashOf({ run, task, feed, tab }: Route): string {
  const parts = [run, task, feed, feed === undefined ? undefined : tab].filter((part) => part !== undefined);
  return `#/${parts.map((part) => encodeURIComponent(part)).join("/")}`;
}

/** Goes there; a step in the browser's history. */
export function goTo(route: Route): void {
  location.hash = hashOf(route);
}
