/** The feeds of a task over time, as bars of what is asked for; in red where records failed. A click leads to a feed. */

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { BucketJson, TaskJson } from "./answers.ts";
import { taskPath } from "./ask.ts";
import { goTo, type Route } from "./route.ts";
import { html } from "./shown.ts";
import { useAnswer } from "./use_answer.ts";

const BUCKETS = 600;
const HEIGHT = 150;

/** What bars can show; each of one feed, or of those that share a bar. */
const METRICS = {
  records: ({ records }: BucketJson) => records,
  outputs: ({ outputs }: BucketJson) => outputs,
  "time (ms)": ({ durationMs }: BucketJson) => durationMs,
  "lag (ms)": ({ lagMs }: BucketJson) => lagMs,
} as const;

type Metric = keyof typeof METRICS;

/** See the module. */
export function Timeline({ route, task }: { readonly route: Route; readonly task: TaskJson }) {
  const box = useRef<HTMLDivElement>(null);
  const [metric, setMetric] = useState<Metric>("records");
  const { answer } = useAnswer<readonly BucketJson[]>(
    taskPath(route.run!, task.name, "timeline", { buckets: BUCKETS }),
  );
  useEffect(() => {
    const element = box.current;
    if (!answer || answer.length === 0 || !element) return;
    const chart = new uPlot(optionsOf(route, task, answer, element.clientWidth), dataOf(answer, metric), element);
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [answer, metric]);
  const hasLag = answer?.some(({ lagMs }) => lagMs !== null) ?? false;
  const names = (Object.keys(METRICS) as Metric[]).filter((name) => hasLag || name !== "lag (ms)");
  return html`
    <div class="tabs" role="tablist" aria-label="What the bars show">${names.map((name) =>
      html`<button role="tab" aria-selected=${name === metric} onClick=${() => setMetric(name)}>${name}</button>`
    )}</div>
    <div class="chart" ref=${box} role="img" aria-label=${`${metric} per feed over the life of the task`}></div>
  `;
}

function dataOf(buckets: readonly BucketJson[], metric: Metric): uPlot.AlignedData {
  // What passed since the bar before: within a single feed nothing does.
  const since = (i: number) => i === 0 ? 0 : buckets[i].timeMs - buckets[i - 1].timeMs;
  return [
    buckets.map(({ from, to }) => (from + to) / 2),
    buckets.map((bucket, i) => metric === "time (ms)" ? since(i) : METRICS[metric](bucket)),
    buckets.map(({ failures }) => metric === "records" && failures > 0 ? failures : null),
  ];
}

function optionsOf(route: Route, task: TaskJson, buckets: readonly BucketJson[], width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const bars = uPlot.paths.bars!({ size: [0.9, 40] });
  const axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  const marks = { takeover: colour("--dim"), code: colour("--good") };
  return {
    width,
    height: HEIGHT,
    scales: {
      x: { time: false, range: (_chart, from, to) => [from - 0.5, to + 0.5] },
      y: { range: (_chart, _from, to) => [0, to * 1.05 || 1] },
    },
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    axes: [{ ...axis, size: 28 }, { ...axis, size: 56 }],
    series: [
      {},
      { stroke: colour("--accent"), fill: colour("--accent"), paths: bars, points: { show: false } },
      { stroke: colour("--bad"), fill: colour("--bad"), paths: bars, points: { show: false } },
    ],
    hooks: {
      draw: [(chart) => drawTakeovers(chart, task, buckets, marks)],
      ready: [(chart) =>
        chart.over.addEventListener("click", () => {
          const bucket = buckets[chart.cursor.idx ?? -1];
          if (bucket) goTo({ ...route, feed: bucket.from });
        })],
    },
  };
}

interface Marks {
  readonly takeover: string;
  readonly code: string;
}

/** A line where another owner took over; another colour where he came with other code. */
function drawTakeovers(
  { ctx, bbox, valToPos }: uPlot,
  task: TaskJson,
  buckets: readonly BucketJson[],
  marks: Marks,
): void {
  const codeOf = (epoch: number) => task.epochs.find((each) => each.epoch === epoch)?.code;
  ctx.save();
  ctx.setLineDash([4, 4]);
  ctx.lineWidth = 2;
  for (const [i, { from, epoch }] of buckets.entries()) {
    const before = buckets[i - 1]?.epoch ?? epoch;
    if (epoch === before) continue;
    ctx.strokeStyle = codeOf(epoch) === codeOf(before) ? marks.takeover : marks.code;
    // The left edge of the bar.
    const x = valToPos(from - 0.5, "x", true);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}
