/** Where a benchmark runs. */

/** See the module. */
export interface Place {
  /** Of the broker. */
  readonly address: string;
  /** For journals and whatever else is thrown away. */
  readonly folder: string;
  /** The folder of the benchmarks. */
  readonly here: string;
}
