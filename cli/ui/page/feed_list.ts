/** The feeds of a task: a list of any length of which only what is seen is there. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { FeedRow, TaskJson } from "./answers.ts";
import { ask, taskPath } from "./ask.ts";
import { hashOf, type Route } from "./route.ts";
import { count, html, lag, time } from "./shown.ts";

const ROW_HEIGHT = 26;
const PAGE_ROWS = 200;
const PAGES_KEPT = 20;
/** Browsers know no taller elements; longer lists scroll by more than a row at a time. */
const HEIGHT_MAX = 8_000_000;

/** What the list is given. */
export interface FeedListProps {
  readonly route: Route;
  readonly task: TaskJson;
}

/** See the module. */
export function FeedList({ route, task }: FeedListProps) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);
  const rows = Math.max(0, task.last - task.first + 1);
  const fullHeight = Math.min(rows * ROW_HEIGHT, HEIGHT_MAX);
  const perPixel = rows * ROW_HEIGHT / Math.max(1, fullHeight);
  const firstRow = Math.min(Math.max(0, rows - 1), Math.floor(top * perPixel / ROW_HEIGHT));
  const seen = Math.ceil(height / ROW_HEIGHT) + 1;
  const feeds = useRows(route, task, firstRow, seen);

  useEffect(() => {
    const observer = new ResizeObserver(() => setHeight(box.current?.clientHeight ?? 400));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (route.feed === undefined || !box.current) return;
    const at = (route.feed - task.first) * ROW_HEIGHT / perPixel;
    const isSeen = at >= box.current.scrollTop && at < box.current.scrollTop + box.current.clientHeight - ROW_HEIGHT;
    if (!isSeen) box.current.scrollTop = Math.max(0, at - box.current.clientHeight / 2);
  }, [route.feed, task.name]);

  const shown = Array.from({ length: Math.min(seen, rows - firstRow) }, (_, i) => firstRow + i);
  const offset = (row: number) => perPixel === 1 ? row * ROW_HEIGHT : top + (row - firstRow) * ROW_HEIGHT;
  return html`
    <div class="row head"><span>feed</span><span>time (UTC)</span><span class="number">records</span>
      <span class="number">outputs</span><span class="number">lag</span><span></span></div>
    <div class="rows" ref=${box} onScroll=${() => setTop(box.current!.scrollTop)} role="list" aria-label="Feeds">
      <div style=${{ height: `${fullHeight}px` }}></div>
      ${shown.map((row) =>
        html`
          <${Row} key=${row} route=${route} seq=${task.first + row} feed=${feeds.get(task.first + row)}
            top=${offset(row)} />
        `
      )}
    </div>
  `;
}

interface RowProps {
  readonly route: Route;
  readonly seq: number;
  readonly feed: FeedRow | undefined;
  readonly top: number;
}

function Row({ route, seq, feed, top }: RowProps) {
  const current = route.feed === seq ? { "aria-current": "true" } : {};
  return html`
    <a class="row" role="listitem" href=${hashOf({ ...route, feed: seq })} style=${{ top: `${top}px` }} ...${current}>
      <span>${seq}</span>
      <span>${feed ? time(feed.timeMs) : "…"}</span>
      <span class="number">${feed ? count(feed.records) : ""}</span>
      <span class="number">${feed ? count(feed.outputs) : ""}</span>
      <span class="number">${feed && feed.lagMs !== null ? lag(feed.lagMs) : ""}</span>
      <span>${feed && marksOf(feed)}</span>
    </a>
  `;
}

function marksOf({ failures, isReborn, isEnd, rewoundTo }: FeedRow) {
  return html`${
    failures > 0 && html`
      <span class="badge bad">${count(failures)} failed</span>
    `
  }
    ${
    rewoundTo !== null && html`
      <span class="badge">rewound to ${rewoundTo}</span>
    `
  }
    ${
    isReborn && html`
      <span class="badge">realm born</span>
    `
  }${isEnd && html`<span class="badge good">end</span>`}`;
}

/** The rows that are seen, page by page; pages that were seen long ago are forgotten. */
function useRows(route: Route, task: TaskJson, firstRow: number, seen: number): ReadonlyMap<number, FeedRow> {
  const pages = useRef(new Map<number, readonly FeedRow[]>());
  const [, setVersion] = useState(0);
  const owner = `${route.run}/${task.name}/${task.last}`;
  useEffect(() => pages.current.clear(), [owner]);
  const wanted = [Math.floor(firstRow / PAGE_ROWS), Math.floor((firstRow + seen) / PAGE_ROWS)];
  useEffect(() => {
    const giveUp = new AbortController();
    for (const page of new Set(wanted)) {
      if (pages.current.has(page)) continue;
      const query = { from: task.first + page * PAGE_ROWS, count: PAGE_ROWS };
      ask<readonly FeedRow[]>(taskPath(route.run!, task.name, "feeds", query), giveUp.signal).then((rows) => {
        pages.current.set(page, rows);
        for (const old of pages.current.keys()) {
          if (pages.current.size <= PAGES_KEPT) break;
          if (!wanted.includes(old)) pages.current.delete(old);
        }
        setVersion((version) => version + 1);
      }, () => {});
    }
    return () => giveUp.abort();
  }, [owner, ...wanted]);
  const rows = wanted.flatMap((page) => pages.current.get(page) ?? []);
  return new Map(rows.map((row) => [row.seq, row]));
}
