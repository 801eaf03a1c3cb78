/** What a processor that is made of steps says of them. Plain data: it leaves the realm as JSON. */

/** A step. */
export interface GraphStep {
  /** Unique in the graph; state is kept under it. */
  readonly name: string;
  /** What it does: `window`. */
  readonly kind: string;
  /** Its parameters, for people. */
  readonly detail?: string;
  /** Whether it remembers anything. */
  readonly isStateful?: true;
}

/** A stream from one step to another. */
export interface GraphEdge {
  /** The name of the step it comes from. */
  readonly from: string;
  /** The name of the step it goes to. */
  readonly to: string;
  /** Which side stream it is; absent for the stream itself. */
  readonly side?: string;
}

/** A processor as a graph. */
export interface ProcessorGraph {
  /** In the order in which they were written. */
  readonly steps: readonly GraphStep[];
  /** What flows between them. */
  readonly edges: readonly GraphEdge[];
  /** Whether equal keys can come from different partitions: then one task has to have them all. */
  readonly regroups: boolean;
}
