/** The self-check of a start (`sluice run --verify`), in the world's own thread; its readings of the inputs are its own. */

import type { Source } from "../../adapters/source.ts";
import type { Limits } from "../../controller/limits.ts";
import type { Divergence } from "../../controller/replay/divergence.ts";
import { SandboxPool } from "../../controller/sandbox/pool.ts";
import { SelfCheck } from "../../controller/self_check.ts";
import type { StartOptions } from "./controller.ts";
import { divergenceText } from "./replay.ts";
import { simulatedSandboxes } from "./simulated_sandbox.ts";

/** See the module. */
export class SimulatedSelfCheck {
  readonly #options: StartOptions;
  readonly #check: SelfCheck;
  #sources: Promise<ReadonlyMap<string, Source>> | undefined;

  constructor(options: StartOptions, limits: Limits) {
    this.#options = options;
    const { machine, scenario, journal } = options;
    this.#check = new SelfCheck({
      run: "simulated",
      journal,
      share: scenario.verify,
      sources: { get: (input) => this.#source(input) },
      openPool: () => new SandboxPool(1, simulatedSandboxes(() => false)),
      limits,
      onDivergence: (divergence) => this.#note(divergence),
      onNotice: (text) => machine.world.note(`${machine.name} says: ${text}`),
    });
  }

  /** To be told of every feed that is settled. */
  noteSettled(task: string, seq: number): void {
    this.#check.noteSettled(task, seq);
  }

  /** Waits for what it still has to do. */
  async close(): Promise<void> {
    await this.#check.close();
    const sources = await this.#sources?.catch(() => undefined);
    for (const source of sources?.values() ?? []) await source.close();
  }

  /** What was trimmed cannot be run again. */
  #note(divergence: Divergence): void {
    const { scenario: { faults }, onError } = this.#options;
    if (faults.trim > 0 && divergence.cause === "input") return;
    onError(new Error(`a self-check finds another ${divergenceText(divergence)}`));
  }

  async #source(input: string): Promise<Source | undefined> {
    return (await (this.#sources ??= this.#options.inputs.openSources(false))).get(input);
  }
}
