/** Replays all that a journal has, where the run has just ended. */

import type { Source } from "../../adapters/source.ts";
import type { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import type { Limits } from "../../controller/limits.ts";
import { replayTask } from "../../controller/replay/replay.ts";
import { SandboxPool } from "../../controller/sandbox/pool.ts";
import { simulatedSandboxes } from "./simulated_sandbox.ts";

/** Answers what is not as it was recorded. */
export async function replayAll(journal: SqliteJournal, source: Source, limits: Limits): Promise<readonly string[]> {
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
      sources: new Map([["default", source]]),
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
    for (const { feed, field, cause, because } of divergences) {
      found.push(`${field} in feed ${feed} of task ${task.name} (${cause}: ${because})`);
    }
  }
  pool.close();
  return found;
}
