/**
 * The sandboxes of a run, or of several. Tasks are spread over them by index; one that died is replaced when it is next
 * asked for.
 */

import type { Sandbox } from "./sandbox.ts";

/** See the module. */
export class SandboxPool {
  readonly #start: () => Sandbox;
  readonly #sandboxes: (Sandbox | undefined)[];
  #hasHung = false;

  constructor(size: number, start: () => Sandbox) {
    this.#start = start;
    this.#sandboxes = new Array(size).fill(undefined);
  }

  /** The sandbox for the task with that index. */
  get(taskIndex: number): Sandbox {
    const index = taskIndex % this.#sandboxes.length;
    let sandbox = this.#sandboxes[index];
    if (sandbox?.isDead) {
      this.#hasHung ||= sandbox.hasHung;
      sandbox.close();
      sandbox = undefined;
    }
    return this.#sandboxes[index] = sandbox ?? this.#start();
  }

  /** Whether a thread is left that cannot be stopped: the process then has to end itself. */
  get hasHung(): boolean {
    return this.#hasHung || this.#sandboxes.some((sandbox) => sandbox?.hasHung);
  }

  close(): void {
    for (const sandbox of this.#sandboxes) sandbox?.close();
  }
}
