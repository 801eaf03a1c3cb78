/**
 * What a pipeline does when its steps change between two starts of a run: state is kept by the names of steps, so steps
 * that stay go on with theirs; what removed steps leave behind is deleted, or it would stay for good.
 *
 * It happens in the first unit of the changed code, so it is journaled with it and replayed like anything else.
 */

import type { Context } from "../../engine/processor.ts";
import { grainOf } from "./grain.ts";
import type { Graph, Step } from "./graph.ts";

const STEPS_KEY = "pipeline:steps";

/** Deletes the state of steps that `graph` no longer has, and notes those that it has. */
export function forgetRemovedSteps(graph: Graph, { state, log }: Context): void {
  const now = graph.steps.filter((step) => keepsState(graph, step)).map(({ name }) => name).sort();
  const stepsKey = graph.prefix + STEPS_KEY;
  const before = state.get<readonly string[]>(stepsKey);
  if (JSON.stringify(before ?? []) === JSON.stringify(now)) return;
  state.set(stepsKey, now);
  if (before === undefined) return;
  for (const name of before.filter((known) => !now.includes(known))) {
    const keys = state.keys(name).filter((key) => "@:|".includes(key[name.length]));
    for (const key of keys) state.delete(key);
    log(`Step ${name} is gone; its state (${keys.length} entries) is deleted`);
  }
  for (const name of now.filter((known) => !before.includes(known))) {
    log(`Step ${name} is new; it begins without state`);
  }
}

function keepsState(graph: Graph, step: Step): boolean {
  const { body } = step;
  switch (body.kind) {
    case "source":
      return grainOf(graph, step) !== undefined;
    case "operator":
    case "junction":
      return body.operator.isStateful === true;
    case "sink":
      return false;
    default:
      return body satisfies never;
  }
}
