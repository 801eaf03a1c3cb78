/** The processors that need no code: used by name. */

/** A ready-made processor. */
export interface ReadyMade {
  readonly name: string;
  readonly description: string;
  /** Its module. */
  readonly module: string;
}

/** All of them, in the order in which help shows them. */
export const READY_MADE: readonly ReadyMade[] = [
  { name: "copy", description: "every record as it is", module: new URL("./copy.ts", import.meta.url).href },
  {
    name: "filter",
    description: "the records that comply with --set where=CONDITION",
    module: new URL("./filter.ts", import.meta.url).href,
  },
  {
    name: "project",
    description: "picks, renames and computes fields by --set fields=MAPPING",
    module: new URL("./project.ts", import.meta.url).href,
  },
  {
    name: "count-by",
    description: "counts records per value of the field --set by=PATH",
    module: new URL("./count_by.ts", import.meta.url).href,
  },
];
