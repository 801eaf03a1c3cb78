/** The feeds of a task over time, as bars: records, and in red those that failed. A click leads to a feed. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { BucketJson, TaskJson } from "./answers.ts";
import { taskPath } from "./ask.ts";
import { goTo, type Route } from "./route.ts";
import { html } from "./shown.ts";
import { useAnswer } from "./use_answer.ts";

const BUCKETS = 600;
const HEIGHT = 150;

/** See the module. */
export function Timeline({ route, task }: { readonly route: Route; readonly task: TaskJson }) {
  const box = useRef<HTMLDivElement>(null);
  const { answer } = useAnswer<readonly BucketJson[]>(
    taskPath(route.run!, task.name, "timeline", { buckets: BUCKETS }),
  );
  useEffect(() => {
    const element = box.current;
    if (!answer || answer.length === 0 || !element) return;
    const chart = new uPlot(optionsOf(route, answer, element.clientWidth), dataOf(answer), element);
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [answer]);
  return html`<div class="chart" ref=${box} role="img" aria-label="Records per feed over the life of the task"></div>`;
}

function dataOf(buckets: readonly BucketJson[]): uPlot.AlignedData {
  return [
    buckets.map(({ from, to }) => (from + to) / 2),
    buckets.map(({ records }) => records),
    buckets.map(({ failures }) => failures || null),
  ];
}

function optionsOf(route: Route, buckets: readonly BucketJson[], width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const bars = uPlot.paths.bars!({ size: [0.9, 40] });
  const axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
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
      { label: "records", stroke: colour("--accent"), fill: colour("--accent"), paths: bars, points: { show: false } },
      { label: "failed", stroke: colour("--bad"), fill: colour("--bad"), paths: bars, points: { show: false } },
    ],
    hooks: {
      draw: [(chart) => drawMarks(chart, buckets, colour("--dim"))],
      ready: [(chart) =>
        chart.over.addEventListener("click", () => {
          const bucket = buckets[chart.cursor.idx ?? -1];
          if (bucket) goTo({ ...route, feed: bucket.from });
        })],
    },
  };
}

/** A line where another owner took over: a restart, perhaps with other code. */
function drawMarks(chart: uPlot, buckets: readonly BucketJson[], colour: string): void {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.setLineDash([4, 4]);
  for (const { from, epochs } of buckets) {
    if (epochs === 0) continue;
    const x = chart.valToPos(from, "x", true);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}
