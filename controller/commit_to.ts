/**
 * Commits to a sink, and what follows when nobody knows whether a commit happened (I5): never a blind retry.
 *
 * The sink is acquired again, which shuts out whatever may still be on its way, and its checkpoint read. It has the
 * feed: done. It has the one before: the same outputs once more. It has less, and says whose: its system lost commits, and
 * the task has to be recovered. Anything else: somebody else writes, stop.
 */

import { type Acquired, type Checkpoint, type Commit, type Receipt, type Sink, SinkError } from "../adapters/sink.ts";
import { pause } from "./pause.ts";
import type { TaskSetup } from "./task_setup.ts";

const PAUSE_MS_FIRST = 10;
const PAUSE_MS_MAX = 5_000;

/** A sink does not have all feeds that it was given, and says whose it has; `recover` brings it those that are missing. */
export class SinkBehind extends Error {
  override readonly name = "SinkBehind";
}

/** What it takes to wait for a sink. */
export type CommitContext = Pick<TaskSetup, "limits" | "observer" | "hurry">;

/** Acquires `task`; a sink that cannot be reached is tried again for a while. */
export async function acquire(
  sink: Sink,
  task: string,
  epoch: bigint,
  settled: Checkpoint | undefined,
  context: CommitContext,
): Promise<Acquired> {
  return await insist(context, () => sink.acquire(task, epoch, settled));
}

/** Commits; answers the receipt. `settled` is what the journal knows of the feed before. */
export async function commitTo(
  sink: Sink,
  commit: Commit,
  settled: Checkpoint | undefined,
  context: CommitContext,
): Promise<Receipt> {
  try {
    return await sink.commit(commit);
  } catch (error) {
    if (!isRetriable(error)) throw error;
    context.observer.onNotice?.(`${(error as Error).message}; looking whether it happened`);
  }
  return await insist(context, async () => {
    const { checkpoint } = await sink.acquire(commit.task, commit.epoch, settled);
    const seq = checkpoint?.seq ?? -1;
    if (seq === commit.seq) return checkpoint!.receipt;
    if (seq === commit.seq - 1) return await sink.commit(commit);
    if (seq < commit.seq && checkpoint?.digest !== undefined) throw new SinkBehind();
    throw new SinkError(
      `Cannot commit feed ${commit.seq} of task ${commit.task}: ${sink.description} has its outputs up to feed ${seq}; ` +
        "another process writes for it",
      { code: "E_CHECKPOINT_MISMATCH" },
    );
  });
}

/** Commits to a sink that may be given the next feed meanwhile: what follows an unknown outcome concerns all of them. */
export async function commitAhead(sink: Sink, commit: Commit, { observer }: CommitContext): Promise<Receipt> {
  try {
    return await sink.commit(commit);
  } catch (error) {
    if (!isRetriable(error)) throw error;
    observer.onNotice?.(`${(error as Error).message}; looking whether it happened`);
    throw new SinkBehind();
  }
}

/** Tries until it works, for as long as the sink may be out of reach. */
async function insist<T>({ limits, hurry }: CommitContext, attempt: () => Promise<T>): Promise<T> {
  // Not by the wall clock: that may be set while it waits.
  const deadlineMs = performance.now() + limits.sinkOutageMsMax;
  for (let pauseMs = PAUSE_MS_FIRST;; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isRetriable(error) || hurry.aborted || performance.now() + pauseMs > deadlineMs) throw error;
      // It ends early when there is no time: then one last attempt is made.
      await pause(pauseMs, hurry);
    }
  }
}

function isRetriable(error: unknown): boolean {
  return error instanceof SinkError && error.isRetriable;
}
