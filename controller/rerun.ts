/**
 * Recorded feeds once more, for sinks that do not have them: with their recorded times and effects, each checked against
 * the digest in the journal before anybody may commit it.
 */

import { toHex } from "../engine/digest.ts";
import type { PackedOutputs } from "../engine/output.ts";
import { birthBefore } from "./birth.ts";
import { answerFrom } from "./effects.ts";
import { NO_OUTPUTS } from "./broken_record.ts";
import type { FeedEntry } from "./journal/journal.ts";
import { type DigestedFed, Realm } from "./realm.ts";
import { chainAfter, realmOptions } from "./realm_options.ts";
import { loadRecordedFeed } from "./recorded_feed.ts";
import { RecoveryDiverged } from "./task_errors.ts";
import type { TaskSetup } from "./task_setup.ts";

/** A feed, and what it emitted. */
export interface RerunFeed {
  readonly entry: FeedEntry;
  readonly outputs: PackedOutputs;
  readonly outputNames: readonly string[];
}

/** Feeds in order; opens realms as they were born. */
export class Rerun {
  readonly #setup: TaskSetup;
  /** Stands behind the last feed that was run. */
  #realm: Realm | undefined;

  constructor(setup: TaskSetup) {
    this.#setup = setup;
  }

  /**
   * Runs the feed behind the last one; any feed, at first.
   *
   * @throws {RecoveryDiverged} when it does something else than the journal says
   */
  async next(entry: FeedEntry): Promise<RerunFeed> {
    // Its record killed the sandbox: it did nothing.
    if (entry.givenUp !== undefined) return { entry, outputs: NO_OUTPUTS, outputNames: [] };
    const alone = await this.#run(entry, entry.isReborn || !this.#realm ? entry.seq : undefined);
    if (isSame(alone, entry)) return this.#result(entry, alone);
    // Modules that keep state in variables need all feeds since their realm's birth.
    const birth = birthBefore(this.#setup.taskJournal, entry.seq);
    const again = birth === entry.seq ? alone : await this.#run(entry, birth);
    if (isSame(again, entry)) return this.#result(entry, again);
    const digests = `digest ${toHex(entry.chain).slice(0, 8)} became ${toHex(again.chain).slice(0, 8)}`;
    throw new RecoveryDiverged(this.#setup.run.name, this.#setup.taskJournal.task.name, entry.seq, digests);
  }

  async close(): Promise<void> {
    await this.#realm?.close();
    this.#realm = undefined;
  }

  #result(entry: FeedEntry, { outputs }: DigestedFed): RerunFeed {
    return { entry, outputs, outputNames: this.#realm!.info.outputs };
  }

  /** Runs `entry` in the realm there is, or in one that is born before feed `from`. */
  async #run(entry: FeedEntry, from: number | undefined): Promise<DigestedFed> {
    const { taskJournal, sources } = this.#setup;
    if (from !== undefined) {
      await this.close();
      this.#realm = await this.#open(entry, from);
    }
    let fed: DigestedFed | undefined;
    for (const each of taskJournal.feeds(from ?? entry.seq, entry.seq + 1)) {
      if (each.givenUp !== undefined) continue;
      fed = await this.#realm!.process(await loadRecordedFeed(each, taskJournal, sources));
    }
    return fed!;
  }

  async #open(entry: FeedEntry, from: number): Promise<Realm> {
    const { taskJournal, journal, limits, run, sandbox } = this.#setup;
    const epoch = taskJournal.epochs().find((candidate) => candidate.epoch === entry.epoch)!;
    const [before] = taskJournal.feeds(from - 1, from);
    const setup = {
      task: `${taskJournal.task.name} (recovery)`,
      code: journal.code(epoch.codeHash).bundle,
      options: realmOptions(run, before, epoch.config, limits),
      chain: chainAfter(before),
      state: taskJournal.stateBefore(from),
    };
    const answer = answerFrom((seq) => taskJournal.effects(seq));
    return await Realm.open(sandbox(), setup, limits, { answer, record: () => {} });
  }
}

function isSame(fed: DigestedFed, entry: FeedEntry): boolean {
  return toHex(fed.chain) === toHex(entry.chain) && fed.outputs.count === entry.outputs;
}
