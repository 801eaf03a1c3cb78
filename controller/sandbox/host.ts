/** The inside of a sandbox: answers requests, one cell per task. Runs in a Web Worker or in a child process. */

import { Cell, RecordTimeout } from "./cell.ts";
import { type Enclosure, LoadTimeout, RealmEnclosure } from "./enclosure.ts";
import { CELL_GONE, endsWaiting, type Envelope, type Reply, type Request } from "./protocol.ts";

/** Answers requests. */
export class SandboxHost {
  readonly #cells = new Map<string, Cell>();
  readonly #queues = new Map<string, Envelope<Request>[]>();
  readonly #waiting = new Set<string>();
  /** Tasks of which a record ran too long. */
  readonly #late = new Set<string>();
  readonly #onSlice: () => void;
  #rejection: string | undefined;

  /** @param onSlice called every few records while a feed is processed: a sign of life */
  constructor(onSlice: () => void) {
    this.#onSlice = onSlice;
  }

  /** To be called with the reason of every rejection that nobody handles. */
  noteRejection(reason: unknown): void {
    this.#rejection ??= showReason(reason);
  }

  /**
   * Handles one request and those that waited for it; answers what is answered by now.
   *
   * Never throws: what goes wrong is a `broken` or `timeout` reply.
   */
  handle(envelope: Envelope<Request>): Envelope<Reply>[] {
    const { id, message } = envelope;
    if ("task" in message && this.#waiting.has(message.task) && !endsWaiting(message)) {
      // The feed before it waits for effects: a task does one thing after the other.
      this.#queues.get(message.task)!.push(envelope);
      return [];
    }
    const replies = [{ id, message: this.#handleNow(message) }];
    if (endsWaiting(message) && !this.#waiting.has(message.task)) {
      const queue = this.#queues.get(message.task) ?? [];
      this.#queues.delete(message.task);
      for (const queued of queue) replies.push(...this.handle(queued));
    }
    return replies;
  }

  #handleNow(request: Request): Reply {
    try {
      return this.#answer(request);
    } catch (error) {
      const task = "task" in request ? request.task : "";
      this.#drop(task);
      if (error instanceof RecordTimeout) {
        this.#late.add(task);
        return { kind: "timeout", record: error.record, timeMsMax: error.timeMsMax };
      }
      return {
        kind: "broken",
        code: codeOf(error),
        message: error instanceof LoadTimeout ? error.message : showReason(error),
        stack: stackOf(error),
      };
    }
  }

  #answer(request: Request): Reply {
    switch (request.kind) {
      case "describe":
        return { kind: "described", info: new Cell(request.code, DESCRIBE_OPTIONS).info };
      case "open": {
        const { task, code, options } = request;
        // Two that take each other's feeds would give wrong outputs, and nobody would notice.
        if (this.#cells.has(task)) throw new Error(`Cannot open a realm for task ${task}: it has one`);
        const cell = new Cell(code, options, this.#placeFor(task, code));
        cell.open(options);
        this.#cells.set(task, cell);
        return { kind: "described", info: cell.info };
      }
      case "restore":
        this.#cell(request.task).restore(request);
        return { kind: "done" };
      case "feed":
        this.#cell(request.task).beginSent(request.feed);
        return this.#step(request.task);
      case "effects":
        this.#cell(request.task).deliver(request.results);
        return this.#step(request.task);
      case "rebirth":
        this.#cells.set(request.task, this.#cell(request.task).reborn());
        return { kind: "done" };
      case "copy":
        return { kind: "copied", ...this.#cell(request.task).copy(request.part) };
      case "close":
      case "drop":
        this.#drop(request.task);
        return { kind: "done" };
      default:
        return request satisfies never;
    }
  }

  /** A task that has spoilt a realm gets one of its own: what it is asked next may be the same. */
  #placeFor(task: string, code: string): Enclosure {
    if (this.#late.has(task)) return new RealmEnclosure({ isForOne: true });
    for (const cell of this.#cells.values()) {
      const place = cell.placeFor(code);
      if (place) return place;
    }
    return new RealmEnclosure();
  }

  #step(task: string): Reply {
    const cell = this.#cell(task);
    if (cell.step(this.#onSlice) === "waiting") {
      this.#waiting.add(task);
      if (!this.#queues.has(task)) this.#queues.set(task, []);
      return { kind: "effects", requests: cell.takeRequests() };
    }
    this.#waiting.delete(task);
    const thrown = cell.takeMicrotaskError();
    if (thrown) throw new MicrotaskError(thrown);
    return { kind: "fed", fed: cell.takeFed() };
  }

  /** Whether a rejection nobody handled was noted; the reply that would have been sent is replaced. */
  takeRejection(): Reply | undefined {
    if (this.#rejection === undefined) return undefined;
    const message = `a promise was rejected and nobody handled it: ${this.#rejection}`;
    this.#rejection = undefined;
    return { kind: "broken", code: "E_UNHANDLED_REJECTION", message };
  }

  #cell(task: string): Cell {
    const cell = this.#cells.get(task);
    if (!cell || cell.isLost) throw new CellGone(task);
    return cell;
  }

  #drop(task: string): void {
    this.#cells.delete(task);
    this.#waiting.delete(task);
  }
}

const DESCRIBE_OPTIONS = { initialTimeMs: 0, seed: 0, recordTimeMsMax: 1000 };

class CellGone extends Error {
  readonly code = CELL_GONE;
  constructor(task: string) {
    super(`the realm of task ${task} is gone`);
  }
}

class MicrotaskError extends Error {
  readonly code = "E_MICROTASK";
  constructor(thrown: string) {
    super(`a callback of queueMicrotask threw: ${thrown}`);
  }
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : "E_PROCESSOR_BROKEN";
}

function stackOf(reason: unknown): string {
  try {
    const { stack } = reason as Error;
    return typeof stack === "string" ? stack : "";
  } catch {
    return "";
  }
}

function showReason(reason: unknown): string {
  try {
    const { name, message } = reason as Error;
    return typeof message === "string" ? `${name}: ${message}` : String(reason);
  } catch {
    return "a value that cannot be shown";
  }
}
