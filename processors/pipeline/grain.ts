/** In which steps the watermark of an input may move: whatever suits everything that comes after it. */

import { greatestCommonDivisor } from "../time/divisor.ts";
import { durationMs } from "../time/duration.ts";
import type { Graph, Step } from "./graph.ts";

/** The grain of the source `step` in milliseconds; undefined where no step after it asks for the watermark. */
export function grainOf(graph: Graph, step: Step): number | undefined {
  if (step.body.kind !== "source") return undefined;
  const grains = stepsAfter(graph, step).flatMap(({ body }) =>
    (body.kind === "operator" || body.kind === "junction") && body.operator.grainMs !== undefined
      ? [body.operator.grainMs]
      : []
  );
  if (grains.length === 0) return undefined;
  // With the lateness in it, "less the lateness" and "in steps" can be taken in any order.
  return grains.reduce(greatestCommonDivisor, durationMs(step.body.options.lateness ?? 0)) || 1;
}

function stepsAfter(graph: Graph, first: Step): readonly Step[] {
  const reached = new Set([first]);
  // Steps are in order: what a step needs comes before it.
  for (const step of graph.steps) if (step.upstreams.some((upstream) => reached.has(upstream.step))) reached.add(step);
  return [...reached];
}
