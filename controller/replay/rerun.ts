/**
 * Recorded feeds once more, for sinks that do not have them: each is checked against the digest in the journal before
 * anybody may commit it.
 */

import { toHex } from "../../engine/digest.ts";
import type { PackedOutputs } from "../../engine/output.ts";
import { noOutputs } from "../broken_record.ts";
import type { FeedEntry } from "../journal/journal.ts";
import type { DigestedFed } from "../realm.ts";
import { RecoveryDiverged } from "../task_errors.ts";
import { type RanFeed, RecordedRealm } from "./recorded_realm.ts";
import type { Recording } from "./recording.ts";

/** A feed, and what it emitted. */
export interface RerunFeed {
  readonly entry: FeedEntry;
  readonly outputs: PackedOutputs;
  readonly outputNames: readonly string[];
}

/** Feeds in order. */
export class Rerun {
  readonly #recording: Recording;
  readonly #realm: RecordedRealm;

  constructor(recording: Recording) {
    this.#recording = recording;
    this.#realm = new RecordedRealm(recording, { role: "recovery" });
  }

  /**
   * Runs the feed behind the last one; any feed, at first.
   *
   * @throws {RecoveryDiverged} when it does something else than the journal says
   */
  async next(entry: FeedEntry): Promise<RerunFeed> {
    const alone = await this.#realm.run(entry);
    // Its record killed the sandbox: it did nothing.
    if (!alone) return { entry, outputs: noOutputs(), outputNames: [] };
    const ran = isRecorded(alone.fed, entry) || alone.isFromBirth
      ? alone
      : await runFromBirth(this.#recording, this.#realm, entry);
    if (isRecorded(ran.fed, entry)) return { entry, outputs: ran.fed.outputs, outputNames: ran.info.outputs };
    const { run, taskJournal } = this.#recording;
    const digests = `digest ${toHex(entry.chain).slice(0, 8)} became ${toHex(ran.fed.chain).slice(0, 8)}`;
    throw new RecoveryDiverged(run.name, taskJournal.task.name, entry.seq, digests);
  }

  close(): Promise<void> {
    return this.#realm.close();
  }
}

/** Runs `entry` behind all feeds since the birth of its realm: what modules keep in variables is there then. */
export async function runFromBirth(
  { taskJournal }: Recording,
  realm: RecordedRealm,
  entry: FeedEntry,
): Promise<RanFeed> {
  await realm.close();
  let ran: RanFeed | undefined;
  for (const each of taskJournal.feeds(taskJournal.birthBefore(entry.seq), entry.seq + 1)) ran = await realm.run(each);
  return ran!;
}

/** Whether a feed did what the journal says. */
export function isRecorded(fed: DigestedFed, entry: FeedEntry): boolean {
  return toHex(fed.chain) === toHex(entry.chain) && fed.outputs.count === entry.outputs;
}

/** Runs `entry` as it was recorded: alone, and behind the feeds since its birth when that is not the same. */
export async function runRecorded(
  recording: Recording,
  realm: RecordedRealm,
  entry: FeedEntry,
): Promise<RanFeed | undefined> {
  const alone = await realm.run(entry);
  if (!alone || alone.isFromBirth || isSameUnits(recording, alone)) return alone;
  return runFromBirth(recording, realm, entry);
}

/** Whether every unit of a feed has the digest that was recorded. */
export function isSameUnits({ taskJournal }: Recording, { entry, fed }: RanFeed): boolean {
  const recorded = taskJournal.unitDigests(entry.seq);
  return recorded.length === fed.unitDigests.length &&
    recorded.every((digest, unit) => digest === fed.unitDigests[unit]);
}
