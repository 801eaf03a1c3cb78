/** The realm of one task, as its owner uses it: feeds go in, what they did comes out, effects are answered between. */

import { Digest } from "../engine/digest.ts";
import { type Feed, packFeed } from "../engine/feed.ts";
import type { EffectRequest } from "../engine/effects.ts";
import type { CopyPart } from "../engine/state.ts";
import { digestFeed, type FeedDigests } from "./digests.ts";
import type { EffectAnswerer } from "./effects.ts";
import { type RecordFailure, withRecord } from "./feed_record.ts";
import type { JournaledEffect } from "./journal/journal.ts";
import type { Limits } from "./limits.ts";
import {
  CELL_GONE,
  type Fed,
  type RealmOptions,
  type Reply,
  type Request,
  SANDBOX_LOST,
  type TaskState,
} from "./sandbox/protocol.ts";
import type { ProcessorInfo } from "./sandbox/realm/guest.ts";
import type { Sandbox } from "./sandbox/sandbox.ts";

/** A realm that broke: a time limit, a crash, a module that throws. */
export class RealmBroken extends Error {
  override readonly name = "RealmBroken";
  readonly code: string;
  /** The record of the feed that was being processed, where that is known. */
  readonly record: number | undefined;

  constructor(code: string, message: string, record: number | undefined) {
    super(message);
    this.code = code;
    this.record = record;
  }
}

/** Whether a realm is gone through no fault of what was asked of it. */
export function isLost(error: unknown): boolean {
  return error instanceof RealmBroken && (error.code === SANDBOX_LOST || error.code === CELL_GONE);
}

/** What a feed did, with its digests. */
export interface DigestedFed extends Fed, FeedDigests {
  /** The digest chain after the feed. */
  readonly chain: Uint8Array<ArrayBuffer>;
  readonly failures: readonly RecordFailure[];
}

/** How to make a realm. */
export interface RealmSetup {
  /** The run: several may share a sandbox, and each has a task 0. */
  readonly run: string;
  readonly task: string;
  readonly code: string;
  readonly options: RealmOptions;
  /** The digest chain so far. */
  readonly chain: Uint8Array;
  readonly state: Iterable<TaskState>;
}

/** Journals answers before they are delivered. */
export type EffectRecorder = (seq: number, effects: readonly JournaledEffect[]) => void;

/** See the module. */
export class Realm {
  readonly #sandbox: Sandbox;
  readonly #task: string;
  readonly #timeMsMax: number;
  readonly #answer: EffectAnswerer;
  readonly #record: EffectRecorder;
  #isAbandoned = false;
  readonly #chain: Digest;
  readonly info: ProcessorInfo;

  private constructor(sandbox: Sandbox, setup: RealmSetup, timeMsMax: number, ports: RealmPorts, info: ProcessorInfo) {
    this.#sandbox = sandbox;
    this.#task = nameInSandbox(setup);
    this.#chain = Digest.fromBytes(setup.chain);
    this.#timeMsMax = timeMsMax;
    this.#answer = ports.answer;
    this.#record = ports.record;
    this.info = info;
  }

  /**
   * Opens a realm in `sandbox` and restores its task's state.
   *
   * @throws {RealmBroken} when the processor's modules cannot be evaluated
   */
  static async open(sandbox: Sandbox, setup: RealmSetup, limits: Limits, ports: RealmPorts): Promise<Realm> {
    const timeMsMax = limits.recordTimeMsMax + limits.sandboxGraceMs;
    const { code, options } = setup;
    const task = nameInSandbox(setup);
    const info = expect(await sandbox.ask({ kind: "open", task, code, options }, timeMsMax), "described").info;
    for (const state of setup.state) {
      expect(await sandbox.ask({ kind: "restore", task, ...state }, timeMsMax), "done");
    }
    return new Realm(sandbox, setup, timeMsMax, ports, info);
  }

  /**
   * Processes `feed`. Feeds may be handed in before the last one is done; they are processed and digested in order.
   *
   * @throws {RealmBroken} when the realm did not survive it
   */
  async process(feed: Feed): Promise<DigestedFed> {
    const packed = packFeed(feed);
    let reply = await this.#ask({ kind: "feed", task: this.#task, feed: packed });
    while (reply.kind === "effects") {
      const results = await this.#answerEffects(feed.seq, reply.requests);
      reply = await this.#ask({ kind: "effects", task: this.#task, results });
    }
    const { fed } = expect(reply, "fed");
    const digests = digestFeed(packed, fed, this.#chain);
    const failures = fed.failures.map((failure) => withRecord(feed, failure));
    return { ...fed, ...digests, failures, chain: this.#chain.toBytes() };
  }

  async #answerEffects(seq: number, requests: readonly EffectRequest[]): Promise<readonly JournaledEffect[]> {
    try {
      const results = await this.#answer(seq, requests);
      // Another realm may have asked as well by now, and been answered otherwise.
      if (this.#isAbandoned) throw new RealmBroken(SANDBOX_LOST, "its task goes on elsewhere", undefined);
      this.#record(seq, results);
      return results;
    } catch (error) {
      // The task would wait for ever, and whoever closes it as well.
      if (!this.#isAbandoned) void this.#ask({ kind: "drop", task: this.#task });
      throw error;
    }
  }

  /** Copies the next part of the state; see `KeyedState.copy`. */
  async copy(part: CopyPart): Promise<TaskState> {
    return expect(await this.#ask({ kind: "copy", task: this.#task, part }), "copied");
  }

  /** Replaces the realm by a fresh one with the same state. */
  async rebirth(): Promise<void> {
    expect(await this.#ask({ kind: "rebirth", task: this.#task }), "done");
  }

  /** Closes it behind what is under way. */
  async close(): Promise<void> {
    await this.#ask({ kind: "close", task: this.#task });
  }

  /** Closes it at once. The answers to effects that are under way are neither journaled nor handed in any more. */
  async abandon(): Promise<void> {
    this.#isAbandoned = true;
    await this.#ask({ kind: "drop", task: this.#task });
  }

  #ask(request: Request): Promise<Reply> {
    return this.#sandbox.ask(request, this.#timeMsMax);
  }
}

function nameInSandbox({ run, task }: RealmSetup): string {
  return JSON.stringify([run, task]);
}

/** What a realm needs of its owner. */
export interface RealmPorts {
  readonly answer: EffectAnswerer;
  readonly record: EffectRecorder;
}

function expect<Kind extends Reply["kind"]>(reply: Reply, kind: Kind): Extract<Reply, { kind: Kind }> {
  if (reply.kind === kind) return reply as Extract<Reply, { kind: Kind }>;
  if (reply.kind === "timeout") {
    throw new RealmBroken("E_RECORD_TIMEOUT", `it ran longer than ${reply.timeMsMax} ms`, reply.record);
  }
  if (reply.kind === "broken") throw new RealmBroken(reply.code, reply.message, reply.record);
  throw new RealmBroken("E_PROTOCOL", `the sandbox answered ${reply.kind}, ${kind} is wanted`, undefined);
}
