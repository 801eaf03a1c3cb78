/** The graph of a pipeline as plain data: for `sluice explain`, and for the controller. */

import type { ProcessorGraph } from "../../engine/graph.ts";
import type { Graph, StepBody } from "./graph.ts";

/** See the module. */
export function describeGraph({ steps }: Graph): ProcessorGraph {
  return {
    steps: steps.map(({ name, body }) => ({ name, ...describe(body) })),
    edges: steps.flatMap(({ name, upstreams }) =>
      upstreams.map(({ step, side }) => ({ from: step.name, to: name, ...(side === undefined ? {} : { side }) }))
    ),
    regroups: steps.some(({ body }) =>
      (body.kind === "operator" || body.kind === "junction") && body.operator.regroups === true
    ),
  };
}

function describe(body: StepBody): { readonly kind: string; readonly detail?: string; readonly isStateful?: true } {
  switch (body.kind) {
    case "source":
      return { kind: "from", detail: body.input };
    case "sink":
      return { kind: "to", detail: body.output };
    case "operator":
    case "junction": {
      const { kind, detail, isStateful } = body.operator;
      return {
        kind,
        ...(detail === undefined ? {} : { detail }),
        ...(isStateful ? { isStateful: true as const } : {}),
      };
    }
    default:
      return body satisfies never;
  }
}
