/**
 * A sandbox as the controller sees it: one thread (Web Worker) or one child process that runs the cells of its tasks.
 *
 * - Requests are numbered and their replies awaited; a sandbox that dies settles all of them with `broken`. Only the one
 *   that was being worked on may be to blame: the others have `E_SANDBOX_LOST`, and are to be asked again elsewhere.
 * - A task whose feed waits for effects is worked on again once they are there; what else was asked of it waits as long.
 * - A busy Web Worker cannot be stopped in Deno 2.9.6 (`terminate` only sets a flag), so a sandbox that outlives its limit
 *   is abandoned: in a worker it burns its core until the process ends, a child process is killed.
 */

import { endsWaiting, type Envelope, type Reply, type Request, SANDBOX_LOST } from "./protocol.ts";

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

type BrokenReply = Extract<Reply, { readonly kind: "broken" }>;

interface Open {
  readonly id: number;
  readonly task: string | undefined;
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
  /** In the order in which the sandbox turns to them. */
  readonly #open = new Map<number, Open>();
  /** Tasks that wait for effects. */
  readonly #waiting = new Set<string>();
  #watched: Open | undefined;
  #nextId = 0;
  #death: BrokenReply | undefined;
  #hasHung = false;

  constructor(isolation: Isolation, connect: (events: TransportEvents) => Transport) {
    this.isolation = isolation;
    this.#transport = connect({
      onReply: ({ id, message }) => this.#settle(id, message),
      onDeath: (code, message) => this.#dieOf({ kind: "broken", code, message }),
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
      const task = "task" in message ? message.task : undefined;
      this.#open.set(id, { id, task, resolve, timeMsMax, watchdog: undefined, looks: 0 });
      if (endsWaiting(message)) this.#endWaiting(message.task, id);
      this.#watchCurrent();
      this.#transport.post({ id, message });
    });
  }

  close(): void {
    this.#die({ kind: "broken", code: "E_SANDBOX_CLOSED", message: "the sandbox was closed" });
    this.#transport.kill();
  }

  #giveUp(timeMsMax: number): void {
    this.#hasHung = true;
    const message = `the processor did not answer for ${timeMsMax} ms and could not be interrupted`;
    this.#dieOf({ kind: "broken", code: "E_SANDBOX_HUNG", message });
    this.#transport.kill();
  }

  /** What was asked of the task meanwhile comes behind the request that ends its waiting. */
  #endWaiting(task: string, id: number): void {
    if (!this.#waiting.delete(task)) return;
    for (const open of [...this.#open.values()]) {
      if (open.task !== task || open.id === id) continue;
      this.#open.delete(open.id);
      this.#open.set(open.id, open);
    }
  }

  /** The request that is being worked on. */
  #current(): Open | undefined {
    for (const open of this.#open.values()) {
      if (open.task === undefined || !this.#waiting.has(open.task)) return open;
    }
    return undefined;
  }

  /** Only the one that is being worked on is watched; the others wait for their turn. */
  #watchCurrent(): void {
    const current = this.#current();
    if (current === this.#watched) return;
    clearTimeout(this.#watched?.watchdog);
    this.#watched = current;
    if (current) this.#watch(current);
  }

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
    if (reply.kind === "progress") return this.#watched && this.#watch(this.#watched);
    this.#open.delete(id);
    if (reply.kind === "effects") this.#waiting.add(open.task!);
    this.#watchCurrent();
    open.resolve(reply);
  }

  /** The request that is being worked on may be what it dies of. */
  #dieOf(cause: BrokenReply): void {
    const current = this.#death ? undefined : this.#current();
    if (current) this.#settle(current.id, cause);
    this.#die({ ...cause, code: SANDBOX_LOST });
  }

  #die(death: BrokenReply): void {
    this.#death ??= death;
    for (const id of [...this.#open.keys()]) this.#settle(id, this.#death);
  }
}
