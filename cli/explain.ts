/** `sluice explain`: the steps of a processor and what flows between them, as text, Mermaid or JSON. */

import type { LoadedProcessor } from "../controller/load_processor.ts";
import { openPool } from "../controller/sandbox/open_pool.ts";
import type { GraphEdge, GraphStep, ProcessorGraph } from "../engine/graph.ts";
import { EXIT } from "./exit_code.ts";
import { loadNamed, loadPipeline } from "./load.ts";
import { pipelinesOf } from "./pipelines/choose_pipelines.ts";
import { printData } from "./output.ts";
import { isPipelineFile } from "./pipelines/is_pipeline_file.ts";

/** The options of the command. */
export interface ExplainOptions {
  readonly set: readonly string[];
  readonly pipeline?: string;
  readonly mermaid: boolean;
  readonly json: boolean;
}

/** Runs the command; answers the exit code. */
export async function explainCommand(name: string, options: ExplainOptions): Promise<number> {
  const pool = openPool({});
  try {
    const loaded: LoadedProcessor[] = [];
    if (isPipelineFile(name)) {
      for (const each of await pipelinesOf(name, options.pipeline)) {
        loaded.push(await loadPipeline(name, each, pool, options));
      }
    } else loaded.push(await loadNamed(name, pool, options));
    const graphs = loaded.map(({ info }) => ({ name: info.name, ...graphOf(info) }));
    if (options.json) printData(JSON.stringify(graphs.length === 1 ? graphs[0] : graphs));
    else printData(graphs.map((each) => options.mermaid ? asMermaid(each) : asText(each)).join("\n\n"));
    return EXIT.ok;
  } finally {
    pool.close();
  }
}

/** A processor that is no pipeline is one step between its inputs and outputs. */
function graphOf({ name, inputs, outputs, graph }: LoadedProcessor["info"]): ProcessorGraph {
  if (graph) return graph;
  const ends = (kind: string, names: readonly string[]) =>
    names.map((detail): GraphStep => ({ name: detail === "default" ? kind : `${kind}-${detail}`, kind, detail }));
  const [sources, sinks] = [ends("from", inputs), ends("to", outputs)];
  return {
    steps: [...sources, { name, kind: "process" }, ...sinks],
    edges: [
      ...sources.map((source) => ({ from: source.name, to: name })),
      ...sinks.map((sink) => ({ from: name, to: sink.name })),
    ],
    regroups: false,
  };
}

type NamedGraph = ProcessorGraph & { readonly name: string };

function asText({ name, steps, edges, regroups }: NamedGraph): string {
  const lines = steps.map((step) => {
    const before = edges.filter(({ to }) => to === step.name).map(sourceOf);
    const from = before.length === 0 ? "" : ` ← ${before.join(", ")}`;
    return `  ${titleOf(step)}${step.isStateful ? " [state]" : ""}${from}`;
  });
  const note = regroups
    ? ["  One task takes all partitions: keys are made anew (--tasks N if they need not meet)."]
    : [];
  return [name, ...lines, ...note].join("\n");
}

function titleOf({ name, kind, detail }: GraphStep): string {
  const does = detail === undefined || detail === "default" ? kind : `${kind} ${detail}`;
  return name === kind || does === name ? does : `${name}: ${does}`;
}

function sourceOf({ from, side }: GraphEdge): string {
  return side === undefined ? from : `${from} (${side})`;
}

/** A flow chart as Mermaid draws it (mermaid.js.org). */
function asMermaid({ steps, edges }: NamedGraph): string {
  const id = new Map(steps.map(({ name }, i) => [name, `s${i}`]));
  const shape = (step: GraphStep): string => {
    const label = `"${titleOf(step).replaceAll('"', "#quot;")}"`;
    if (step.kind === "from" || step.kind === "to") return `([${label}])`;
    return step.isStateful ? `[(${label})]` : `[${label}]`;
  };
  return [
    "flowchart LR",
    ...steps.map((step) => `  ${id.get(step.name)}${shape(step)}`),
    ...edges.map(({ from, to, side }) => `  ${id.get(from)} -->${side === undefined ? "" : `|${side}|`} ${id.get(to)}`),
  ].join("\n");
}
