/** Replays all that a journal has, where the run has just ended. */

import type { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import type { Limits } from "../../controller/limits.ts";
import type { SourcesAtHand } from "../../controller/replay/recording.ts";
import type { Divergence } from "../../controller/replay/divergence.ts";
import { replayTask } from "../../controller/replay/replay.ts";
import { SandboxPool } from "../../controller/sandbox/pool.ts";
import { simulatedSandboxes } from "./simulated_sandbox.ts";

/** Answers what is not as it was recorded. */
export async function replayAll(
  journal: SqliteJournal,
  sources: SourcesAtHand,
  limits: Limits,
): Promise<readonly string[]> {
  const run = journal.run("simulated")!;
  const pool = new SandboxPool(1, simulatedSandboxes(() => false));
  const found: string[] = [];
  for (const task of journal.tasks(run)) {
    const taskJournal = journal.task(task);
    if (!taskJournal.lastFeed()) continue;
    const recording = {
      journal,
      run,
      taskJournal,
      sources,
      sandbox: () => pool.get(0),
      limits,
    };
    const { divergences } = await replayTask(recording, {
      from: 0,
      to: Infinity,
      isWanted: () => true,
      divergencesMax: 1,
      refusesHidden: true,
    });
    found.push(...divergences.map(divergenceText));
  }
  pool.close();
  return found;
}

/** What differs, where, and why. */
export function divergenceText({ feed, task, field, cause, because }: Divergence): string {
  return `${field} in feed ${feed} of task ${task} (${cause}: ${because})`;
}
