/** `sluice run --verify`: what is found is told at once, and ends the run where that was asked for. */

import type { VerifyOptions } from "../controller/run_processor.ts";
import type { Divergence } from "../controller/replay/divergence.ts";
import type { Run } from "../controller/journal/journal.ts";
import { describeDivergence } from "./divergence_report.ts";
import { DEFAULT_JOURNAL } from "./options.ts";
import { LazySources } from "./recorded_run.ts";

/** What the check of a run is given. */
export interface RunCheckOptions {
  readonly verify?: number;
  readonly onDivergence: "stop" | "warn";
  readonly journal: string;
}

/** See the module. */
export class RunCheck {
  readonly #options: RunCheckOptions;
  readonly #run: Pick<Run, "name" | "uris">;
  readonly #say: (text: string) => void;
  readonly #sources: LazySources;
  readonly #stop = new AbortController();
  #found = 0;

  /** @param say prints a message */
  constructor(run: Pick<Run, "name" | "uris">, options: RunCheckOptions, say: (text: string) => void) {
    this.#run = run;
    this.#options = options;
    this.#say = say;
    this.#sources = new LazySources(run.uris);
  }

  /** For `RunProcessorOptions`. */
  get options(): { readonly verify?: VerifyOptions } {
    const share = this.#options.verify;
    if (share === undefined) return {};
    return { verify: { share, sources: this.#sources, onDivergence: (divergence) => this.#tell(divergence) } };
  }

  /** Aborts when the run is to end. */
  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  /** Whether a feed did something else. */
  get hasFound(): boolean {
    return this.#found > 0;
  }

  close(): Promise<void> {
    return this.#sources.close();
  }

  #tell(divergence: Divergence): void {
    this.#found++;
    const { name } = this.#run;
    const journal = this.#options.journal === DEFAULT_JOURNAL ? "" : ` --journal ${this.#options.journal}`;
    this.#say(describeDivergence(divergence, { run: this.#run, again: `sluice replay ${name}${journal}` }));
    if (this.#options.onDivergence === "stop") this.#stop.abort();
  }
}
