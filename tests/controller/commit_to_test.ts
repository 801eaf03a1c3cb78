/** A sink that does not say what it did: never a blind retry (I5), for a limited time (I8). */

import { assertEquals, assertRejects } from "@std/assert";
import {
  type Acquired,
  type Checkpoint,
  type Commit,
  type Receipt,
  type Sink,
  SinkError,
} from "../../adapters/sink.ts";
import { type CommitContext, commitTo } from "../../controller/commit_to.ts";
import { DEFAULT_LIMITS } from "../../controller/limits.ts";
import { commitOf } from "../conformance/sink_suite.ts";

/** Loses the answers to its first commits; whether it did them is for the test to say. */
class ForgetfulSink implements Sink {
  readonly guarantee = "exactly-once";
  readonly home = "sink";
  readonly description = "forgetful";
  readonly takesManyTasks = true;
  readonly commits: number[] = [];
  acquired = 0;
  #seq: number;
  #lost: readonly boolean[];

  constructor(seq: number, lost: readonly boolean[]) {
    this.#seq = seq;
    this.#lost = lost;
  }

  acquire(_task: string, epoch: bigint): Promise<Acquired> {
    this.acquired++;
    const checkpoint: Checkpoint | undefined = this.#seq < 0
      ? undefined
      : { seq: this.#seq, epoch, receipt: { at: this.#seq } };
    return Promise.resolve({ epoch, checkpoint });
  }

  commit({ seq }: Commit): Promise<Receipt> {
    const [isDone, ...rest] = this.#lost;
    this.#lost = rest;
    if (isDone !== false) {
      this.commits.push(seq);
      this.#seq = seq;
    }
    if (isDone === undefined) return Promise.resolve({ at: seq });
    return Promise.reject(new SinkError("Cannot tell", { code: "E_COMMIT_UNKNOWN", isRetriable: true }));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function contextFor(sinkOutageMsMax: number): CommitContext {
  return { limits: { ...DEFAULT_LIMITS, sinkOutageMsMax }, observer: {}, hurry: new AbortController().signal };
}

const patient = contextFor(60_000);

Deno.test("a commit that happened although its answer was lost is not repeated", async () => {
  const sink = new ForgetfulSink(4, [true]);
  assertEquals(await commitTo(sink, commitOf(5, 1n, ["x"]), undefined, patient), { at: 5 });
  assertEquals([sink.commits, sink.acquired], [[5], 1]);
});

Deno.test("a commit that did not happen is made again, as often as it takes", async () => {
  const sink = new ForgetfulSink(4, [false, false, true]);
  assertEquals(await commitTo(sink, commitOf(5, 1n, ["x"]), undefined, patient), { at: 5 });
  assertEquals([sink.commits, sink.acquired], [[5], 3]);
});

Deno.test("a checkpoint that is neither of the two says that somebody else writes: stop", async () => {
  const sink = new ForgetfulSink(9, [false]);
  await assertRejects(() => commitTo(sink, commitOf(5, 1n, ["x"]), undefined, patient), SinkError, "another process");
  assertEquals(sink.commits, []);
});

Deno.test("a sink that stays out of reach is given up after its limit", async () => {
  const sink = new ForgetfulSink(4, new Array(100).fill(false));
  await assertRejects(
    () => commitTo(sink, commitOf(5, 1n, ["x"]), undefined, contextFor(30)),
    SinkError,
    "Cannot tell",
  );
  assertEquals(sink.commits, []);
});
