/** The page: runs on the left, a run's timeline and feeds in the middle, one feed on the right. */

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { RunJson, RunRow, TaskJson } from "./answers.ts";
import { FeedList } from "./feed_list.ts";
import { FeedPanel } from "./feed_panel.ts";
import { goTo, hashOf, parseRoute, type Route } from "./route.ts";
import { Command, counted, Failure, html, time } from "./shown.ts";
import { Timeline } from "./timeline.ts";
import { useAnswer } from "./use_answer.ts";

function Page() {
  const route = useRoute();
  const runs = useAnswer<readonly RunRow[]>("runs");
  const run = useAnswer<RunJson>(route.run === undefined ? undefined : `runs/${encodeURIComponent(route.run)}`);
  const isKnown = run.answer?.name === route.run;
  const task = isKnown
    ? run.answer?.tasks.find(({ name }) => name === (route.task ?? run.answer?.tasks[0]?.name))
    : undefined;
  useKeys(route, task);
  return html`<div class="layout">
    <${RunList} runs=${runs.answer ?? []} route=${route} error=${runs.error} />
    ${run.error && html`<${Failure} error=${run.error} />`}
    ${
    isKnown && task
      ? html`<${Run} key=${`${route.run}/${task.name}`} run=${run.answer} task=${task} route=${{
        ...route,
        task: task.name,
      }} />`
      : html`<p class="empty">${
        route.run === undefined ? "Choose a run." : run.isWaiting ? "Reading…" : "The run has no tasks yet."
      }</p>`
  }
    ${
    isKnown && task && route.feed !== undefined
      ? html`<${FeedPanel} route=${{ ...route, task: task.name }} run=${run.answer} task=${task} />`
      : html`<${Help} />`
  }
  </div>`;
}

function useRoute(): Route {
  const [route, setRoute] = useState(parseRoute(location.hash));
  useEffect(() => {
    const onChange = (): void => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", onChange);
    return () => removeEventListener("hashchange", onChange);
  }, []);
  return route;
}

/** Next and previous feed, and the tabs, without a mouse. */
function useKeys(route: Route, task: TaskJson | undefined): void {
  useEffect(() => {
    if (!task) return;
    const onKey = ({ key, target, ctrlKey, metaKey, altKey }: KeyboardEvent): void => {
      if (target instanceof HTMLInputElement || ctrlKey || metaKey || altKey) return;
      const feed = route.feed ?? task.first - 1;
      const go = (change: Partial<Route>): void =>
        goTo({ ...route, task: task.name, feed: Math.max(feed, task.first), ...change });
      if (key === "j") go({ feed: Math.min(feed + 1, task.last) });
      else if (key === "k") go({ feed: Math.max(feed - 1, task.first) });
      else if (key === "1") go({ tab: "records" });
      else if (key === "2") go({ tab: "state" });
      else if (key === "3") go({ tab: "replay" });
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [route, task]);
}

interface RunListProps {
  readonly runs: readonly RunRow[];
  readonly route: Route;
  readonly error?: Error;
}

function RunList({ runs, route, error }: RunListProps) {
  return html`<nav aria-label="Runs">
    <div class="brand">Sluice</div>
    ${error && html`<${Failure} error=${error} />`}
    ${
    runs.map(({ name, processor, state, feeds }) => {
      const current = route.run === name ? { "aria-current": "page" } : {};
      return html`<a key=${name} href=${hashOf({ run: name, tab: "records" })} ...${current}>${name}
        <span class=${`badge ${state === "halted" ? "bad" : state === "ended" ? "good" : ""}`}>${state}</span>
        <div class="small">${processor} · ${counted(feeds, "feed")}</div></a>`;
    })
  }
  </nav>`;
}

interface RunProps {
  readonly run: RunJson;
  readonly task: TaskJson;
  readonly route: Route;
}

function Run({ run, task, route }: RunProps) {
  const list = (names: Readonly<Record<string, string>>) => Object.values(names).join(", ");
  return html`<main class="run">
    <header><h1>${run.name}</h1><span class="small">${run.processor} · seed ${run.seed} · clock ${run.clock} · since ${
    time(run.createdMs)
  }</span></header>
    <div class="facts">${list(run.sources)} → ${list(run.sinks)}</div>
    ${
    task.halted &&
    html`<div class="alert" role="alert">Halted at <a href=${
      hashOf({ ...route, feed: task.halted.feed, tab: "records" })
    }><b>${task.halted.place}</b></a>: ${task.halted.failure}
      <${Command} text=${`sluice replay ${run.words} --failed`} /></div>`
  }
    ${
    run.tasks.length > 1 && html`<div class="tabs" aria-label="Tasks">${
      run.tasks.map(({ name, partitions }) => {
        const current = name === task.name ? { "aria-current": "true" } : {};
        return html`<a href=${hashOf({ run: run.name, task: name, tab: "records" })} title=${
          partitions.join(", ")
        } ...${current}>task ${name}</a>`;
      })
    }</div>`
  }
    <${Timeline} route=${route} task=${task} />
    <${Events} run=${run} task=${task} route=${route} />
    <${FeedList} route=${route} task=${task} />
  </main>`;
}

const EVENTS_SHOWN = 6;

function Events({ run, task, route }: RunProps) {
  const events = run.events.filter((event) => event.task === null || event.task === task.name).slice(-EVENTS_SHOWN);
  return html`<p class="small">${
    events.map(({ kind, seq, atMs }) =>
      html`
        <span class="badge" title=${time(atMs)}>${seq === null || seq > task.last
          ? kind
          : html`<a href=${hashOf({ ...route, feed: seq })}>${kind} · feed ${seq}</a>`}</span>
      `
    )
  }</p>`;
}

function Help() {
  return html`
    <section class="feed">
      <p class="empty">Choose a feed: its records are run again and shown with all that they did.</p>
      <p
        class="small"><kbd>j</kbd> <kbd>k</kbd> next and previous feed · <kbd>1</kbd> records · <kbd>2</kbd> state · <kbd>3</kbd> replay</p>
    </section>
  `;
}

render(html`<${Page} />`, document.getElementById("page")!);
