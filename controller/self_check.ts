/**
 * Self-check: a share of the feeds of a run that is under way is run again, from the state in the journal, in a fresh realm
 * of a sandbox of its own. What would not survive a restart, or would not replay, shows while it can still be helped.
 *
 * Checks never hold a run up: one goes on at a time, some wait, and feeds that come meanwhile are passed over (I8).
 */

import { SqliteJournal } from "./journal/sqlite_journal.ts";
import type { Limits } from "./limits.ts";
import type { Divergence } from "./replay/divergence.ts";
import type { SourcesAtHand } from "./replay/recording.ts";
import { replayTask } from "./replay/replay.ts";
import type { SandboxPool } from "./sandbox/pool.ts";

/** What a self-check is given. */
export interface SelfCheckOptions {
  /** Path of the journal. */
  readonly journal: string;
  readonly run: string;
  /** The share of feeds to check, from 0 to 1. */
  readonly share: number;
  /** For inputs that the journal does not hold. */
  readonly sources: SourcesAtHand;
  /** Opens sandboxes of its own, when there is something to check. */
  readonly openPool: () => SandboxPool;
  readonly limits: Limits;
  readonly onDivergence: (divergence: Divergence) => void;
  /** Told why no more checks can be made: the run itself goes on. */
  readonly onNotice: (text: string) => void;
}

/** Feeds that wait to be checked. */
const WAITING_MAX = 64;

/** How many feeds were checked, and how many were passed over because too many waited. */
export interface SelfCheckTally {
  readonly checked: number;
  readonly passedOver: number;
  readonly diverged: number;
}

/** See the module. */
export class SelfCheck {
  readonly #options: SelfCheckOptions;
  #pool: SandboxPool | undefined;
  #journal: SqliteJournal | undefined;
  readonly #waiting: (readonly [task: string, seq: number])[] = [];
  #checking: Promise<void> | undefined;
  #hasFailed = false;
  readonly #tally = { checked: 0, passedOver: 0, diverged: 0 };

  constructor(options: SelfCheckOptions) {
    this.#options = options;
  }

  get tally(): SelfCheckTally {
    return this.#tally;
  }

  /** To be told of every feed that is settled. */
  noteSettled(task: string, seq: number): void {
    if (this.#hasFailed || !isChosen(seq, this.#options.share)) return;
    if (this.#waiting.length >= WAITING_MAX) {
      this.#tally.passedOver++;
      return;
    }
    this.#waiting.push([task, seq]);
    this.#checking ??= this.#checkWaiting()
      .catch((error) => this.#giveUp(error as Error))
      .finally(() => this.#checking = undefined);
  }

  async #checkWaiting(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) await this.#check(...next);
  }

  /** Waits for the checks that are left and gives back what is open. */
  async close(): Promise<void> {
    await this.#checking;
    this.#journal?.close();
    this.#pool?.close();
    this.#journal = this.#pool = undefined;
  }

  #giveUp({ message }: Error): void {
    this.#hasFailed = true;
    this.#waiting.length = 0;
    this.#options.onNotice(`The run is not verified any more: ${message}`);
  }

  async #check(task: string, seq: number): Promise<void> {
    const { run: name, sources, limits, onDivergence, openPool, journal: path } = this.#options;
    const journal = this.#journal ??= SqliteJournal.openReader(path);
    const pool = this.#pool ??= openPool();
    const run = journal.run(name)!;
    const taskJournal = journal.task(journal.tasks(run).find((each) => each.name === task)!);
    const recording = { journal, run, taskJournal, sources, sandbox: () => pool.get(0), limits };
    const { divergences } = await replayTask(recording, {
      from: seq,
      to: seq + 1,
      isWanted: () => true,
      divergencesMax: 1,
      refusesHidden: true,
    });
    this.#tally.checked++;
    this.#tally.diverged += divergences.length;
    for (const divergence of divergences) onDivergence(divergence);
  }
}

/** The same feeds in every run of the same length: chance is not needed, evenness is (Knuth's multiplicative hash). */
function isChosen(seq: number, share: number): boolean {
  return (Math.imul(seq + 1, 0x9e3779b1) >>> 0) / 2 ** 32 < share;
}
