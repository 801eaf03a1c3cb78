/** One feed: its records and what they did, the state after it, and its replay. */

import { useState } from "preact/hooks";
import type { FeedJson, ReplayJson, RunJson, StateJson, TaskJson, UnitJson } from "./answers.ts";
import { taskPath } from "./ask.ts";
import { goTo, hashOf, type Route, type Tab } from "./route.ts";
import { Command, count, counted, Failure, html, pretty, time } from "./shown.ts";
import { useAnswer } from "./use_answer.ts";

/** What the panel is given. */
export interface FeedPanelProps {
  readonly route: Route;
  readonly run: RunJson;
  readonly task: TaskJson;
}

const TABS: readonly (readonly [tab: Tab, title: string])[] = [["records", "Records"], ["state", "State"], [
  "replay",
  "Replay",
]];

/** See the module. */
export function FeedPanel({ route, run, task }: FeedPanelProps) {
  const view = { records: Records, state: State, replay: Replay }[route.tab];
  return html`
    <section class="feed" aria-label=${`Feed ${route.feed}`}>
      <h1>Feed ${route.feed} of task ${task.name}</h1>
      <div class="tabs" role="tablist">
          ${TABS.map(([tab, title]) =>
            html`<button role="tab" aria-selected=${route.tab === tab} onClick=${() =>
              goTo({ ...route, tab })}>${title}</button>`
          )}
        </div>
      <${view} key=${route.tab} route=${route} run=${run} task=${task} />
    </section>
  `;
}

function Records({ route, task }: FeedPanelProps) {
  const [from, setFrom] = useState({ feed: route.feed, unit: 0 });
  const unit = from.feed === route.feed ? from.unit : 0;
  const query = { seq: route.feed!, unit };
  const { answer, error, isWaiting } = useAnswer<FeedJson>(taskPath(route.run!, task.name, "feed", query));
  if (error) return html`<${Failure} error=${error} />`;
  if (!answer || (isWaiting && answer.seq !== route.feed)) return html`<p class="empty">Running the feed again…</p>`;
  const { units, unitCount, missing, ranges, code, digest, again, timeMs } = answer;
  return html`
    <p class="facts">${time(timeMs)} · ${ranges.join(", ") || "no records"} · ${code.script} <code>${code
      .hash}</code> · digest
      <code> ${digest.slice(0, 12)}</code></p>
    <${Command} text=${again} />
    ${missing !== null && html`<div class="alert" role="alert">${missing}</div>`}
    ${units.map((each) =>
      html`<${Unit} key=${`${route.feed}/${each.unit}`} unit=${each} again=${again} isOpen=${units.length <= 3} />`
    )}
    ${unitCount > unit + units.length &&
      html`<button onClick=${() => setFrom({ feed: route.feed, unit: unit + units.length })}>The next of ${
        count(unitCount)
      }</button>`}
    ${unit > 0 && html`<button onClick=${() => setFrom({ feed: route.feed, unit: 0 })}>From the first on</button>`}
  `;
}

function Unit({ unit, again, isOpen }: { readonly unit: UnitJson; readonly again: string; readonly isOpen: boolean }) {
  const { place, key, value, outputs, trace, effects, reads, logs, inspect } = unit;
  const error = trace.find(({ kind }) => kind === "error");
  return html`
    <details class="unit" open=${isOpen || error !== undefined}>
      <summary><span class="small">${place}</span><span class="mono">${key === null ? "" : `${key}  `}${value ??
        ""}</span>
          ${error
            ? html`<span class="badge bad">${error.subject}</span>`
            : html`<span class="badge">${counted(outputs.length, "output")}</span>`}
        </summary>
      <div class="body">
          ${value !== null && html`
            <h2>Input</h2>
            <pre>${pretty(value)}</pre>
          `}
          ${outputs.length > 0 &&
            html`<h2>Outputs</h2>${
              outputs.map((output) =>
                html`<pre>${output.name === "default" ? "" : `${output.name}: `}${
                  output.key === null ? "" : `${output.key}  `
                }${output.value === null ? "(tombstone)" : pretty(output.value)}</pre>`
              )
            }`}
          ${trace.length > 0 && html`
            <h2>Changes</h2>
            <table>${trace.map(({ kind, subject, detail }) =>
              html`
                <tr>
                  <td class="small">${kind}</td>
                  <td class="mono">${subject}</td>
                  <td class="mono">${detail}</td>
                </tr>
              `
            )}</table>
          `}
          ${reads.length > 0 && html`
            <h2>Read</h2>
            <pre>${reads.join("\n")}</pre>
          `}
          ${effects.length > 0 &&
            html`<h2>Effects</h2>${
              effects.map((effect) =>
                html`<pre>${effect.name}(${effect.input}) → <span class=${
                  effect.ok ? "" : "was"
                }>${effect.answer}</span></pre>`
              )
            }`}
          ${logs.length > 0 && html`<h2>Logs</h2>${logs.map((line) => html`<pre>${line.level}: ${line.text}</pre>`)}`}
          ${inspect !== null && html`<${Command} text=${`${again} ${inspect}`} />`}
        </div>
    </details>
  `;
}

function State({ route, run, task }: FeedPanelProps) {
  const [prefix, setPrefix] = useState("");
  const query = { at: route.feed!, prefix };
  const { answer, error } = useAnswer<StateJson>(taskPath(route.run!, task.name, "state", query));
  const goToFeed = (event: InputEvent): void =>
    goTo({ ...route, feed: Number((event.target as HTMLInputElement).value) });
  return html`
    <div class="slider">
      <input type="range" min=${task.first} max=${task.last} value=${route
        .feed} onInput=${goToFeed} aria-label="Feed" />
      <span>after feed ${route.feed}</span>
    </div>
    <p><input placeholder="keys that begin with…" value=${prefix} aria-label="Keys that begin with"
      onInput=${(event: InputEvent) => setPrefix((event.target as HTMLInputElement).value)} /></p>
    <${Command} text=${`sluice state ${run.words} --task ${task.name} --at ${route.feed}`} />
    ${error && html`<${Failure} error=${error} />`}
    ${answer && html`
      <p class="small">${counted(answer.count, "key")}${answer.count > answer.entries.length
        ? `, ${answer.entries.length} shown`
        : ""}</p>
      <table>${answer.entries.map(({ key, value }) =>
        html`
          <tr>
            <td class="mono">${key}</td>
            <td class="mono">${value}</td>
          </tr>
        `
      )}</table>
      ${answer.timers.length > 0 && html`
        <h2>Timers</h2>
        <table>${answer.timers.map(({ key, atMs }) =>
          html`
            <tr>
              <td class="mono">${key}</td>
              <td>${time(atMs)}</td>
            </tr>
          `
        )}</table>
      `}
    `}
  `;
}

function Replay({ route, run, task }: FeedPanelProps) {
  const { answer, error, isWaiting } = useAnswer<ReplayJson>(
    taskPath(route.run!, task.name, "replay", { seq: route.feed! }),
  );
  const command = `sluice replay ${run.words} --task ${task.name} --feeds ${route.feed}..${route.feed! + 1}`;
  return html`<${Command} text=${command} />
    ${error && html`<${Failure} error=${error} />`}
    ${isWaiting && html`<p class="empty">Replaying…</p>`}
    ${
    !isWaiting && answer && html`
      ${answer.notices.map((notice) => html`<div class="alert">${notice}</div>`)}
      ${answer.divergences.length === 0 &&
        html`<p><span class="badge good">equal</span> ${
          counted(answer.records, "record")
        }: every output, state change and effect equals the
        recording.</p>`}
      ${answer.divergences.map(({ place, cause, because, differences }) =>
        html`
          <div class="alert" role="alert"><b>${place}</b> · cause: <b>${cause}</b><br />${because}</div>
          <table><tr><th>field</th><th>recorded</th><th>replayed</th></tr>${differences.map((
            { field, recorded, replayed },
          ) =>
            html`
              <tr>
                <td class="mono">${field}</td>
                <td class="mono was">${recorded ?? "nothing"}</td>
                <td class="mono is">${replayed ?? "nothing"}</td>
              </tr>
            `
          )}</table>
        `
      )}
    `
  }
    <p><a href=${hashOf({ ...route, tab: "records" })}>Its records</a></p>`;
}
