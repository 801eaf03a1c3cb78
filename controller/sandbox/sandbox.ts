/**
 * A sandbox as the controller sees it: one thread (Web Worker) or one child process that runs the cells of its tasks.
 *
 * Requests are numbered and their replies awaited; a sandbox that dies settles all of them with `broken`. A busy Web
 * Worker cannot be stopped in Deno 2.9.6 (`terminate` only sets a flag), so a sandbox that outlives its limit is
 * abandoned: in a worker it burns its core until the process ends, a child process is killed.
 */

import type { Envelope, Reply, Request } from "./protocol.ts";

/** How processors are kept apart from the controller. */
export type Isolation = "worker" | "process";

/** What carries envelopes to a sandbox and back. */
export interface Transport {
  post(envelope: Envelope<Request>): void;
  /** Ends the sandbox as far as that is possible. */
  kill(): void;
}

/** What a transport reports. */
export interface TransportEvents {
  onReply(envelope: Envelope<Reply>): void;
  /** The sandbox is gone; `message` says what is known. */
  onDeath(code: string, message: string): void;
}

interface Open {
  readonly resolve: (reply: Reply) => void;
  readonly timeMsMax: number;
  watchdog: ReturnType<typeof setTimeout> | undefined;
  /** How often the watchdog has looked in vain. */
  looks: number;
}

/**
 * A process that was stopped for a while (SIGSTOP, a laptop that slept, a machine that was moved) finds its watchdog due
 * before the reply that has long been there: one look in vain says nothing.
 */
const LOOKS_MAX = 4;

/** See the module. */
export class Sandbox {
  readonly isolation: Isolation;
  readonly #transport: Transport;
  readonly #open = new Map<number, Open>();
  #nextId = 0;
  #death: Reply | undefined;
  #hasHung = false;

  constructor(isolation: Isolation, connect: (events: TransportEvents) => Transport) {
    this.isolation = isolation;
    this.#transport = connect({
      onReply: ({ id, message }) => this.#settle(id, message),
      onDeath: (code, message) => this.#die(code, message),
    });
  }

  /** Whether it was abandoned while it was busy. */
  get hasHung(): boolean {
    return this.#hasHung;
  }

  get isDead(): boolean {
    return this.#death !== undefined;
  }

  /**
   * Asks, and resolves with the reply. A sandbox that gives no sign of life for `timeMsMax` is abandoned.
   */
  ask(message: Request, timeMsMax: number): Promise<Reply> {
    if (this.#death) return Promise.resolve(this.#death);
    return new Promise((resolve) => {
      const id = this.#nextId++;
      const open: Open = { resolve, timeMsMax, watchdog: undefined, looks: 0 };
      this.#open.set(id, open);
      if (this.#open.size === 1) this.#watch(open);
      this.#transport.post({ id, message });
    });
  }

  close(): void {
    this.#die("E_SANDBOX_CLOSED", "the sandbox was closed");
    this.#transport.kill();
  }

  #giveUp(timeMsMax: number): void {
    this.#hasHung = true;
    const message = `the processor did not answer for ${timeMsMax} ms and could not be interrupted`;
    // Only the request that is being worked on is to blame; the others lose their sandbox.
    const [hung] = this.#open.keys();
    this.#settle(hung, { kind: "broken", code: "E_SANDBOX_HUNG", message });
    this.#die("E_SANDBOX_DIED", "another task of the same sandbox hung");
    this.#transport.kill();
  }

  /** Only the oldest question is being worked on; the others wait for their turn without being watched. */
  #watch(open: Open): void {
    open.looks = 0;
    this.#lookLater(open);
  }

  #lookLater(open: Open): void {
    clearTimeout(open.watchdog);
    open.watchdog = setTimeout(() => {
      if (++open.looks < LOOKS_MAX) this.#lookLater(open);
      else this.#giveUp(open.timeMsMax);
    }, open.timeMsMax / LOOKS_MAX);
  }

  #settle(id: number, reply: Reply): void {
    const open = this.#open.get(id);
    if (!open) return;
    if (reply.kind === "progress") return this.#watch(open);
    this.#open.delete(id);
    clearTimeout(open.watchdog);
    open.resolve(reply);
    for (const next of this.#open.values()) return this.#watch(next);
  }

  #die(code: string, message: string): void {
    this.#death ??= { kind: "broken", code, message };
    for (const id of [...this.#open.keys()]) this.#settle(id, this.#death);
  }
}
