/**
 * One Sluice that its operator keeps going: on a machine that may be gone any moment, and started again on a fresh one with
 * what is left on its disk.
 */

import { join } from "node:path";
import { pruneRun } from "../../controller/journal/prune.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { rewoundTo } from "../../controller/journal/positions.ts";
import { planRewind, rewind } from "../../controller/rewind.ts";
import { type Start, start, type StartOptions } from "./controller.ts";
import { attachDisk, copyAfterCrash, detachDisk, type DiskFaults } from "./world/disk.ts";
import { Machine } from "./world/world.ts";

/** What a process works with. */
export interface ProcessOptions
  extends Pick<StartOptions, "scenario" | "processor" | "inputs" | "outputs" | "table" | "neighbour"> {
  /** Where whoever starts Sluice lives; it never fails. */
  readonly operator: Machine;
  /** Where its disks are. */
  readonly folder: string;
  /** Of all processes of the world: machines are numbered by them. */
  readonly starts: Start[];
  /** Whether nothing fails any more. */
  readonly isCalm: () => boolean;
  /** Called after each step of a feed. */
  readonly onStep: (machine: Machine) => void;
  /** Called when it was killed, before anybody goes on. */
  readonly onCrash: () => void;
  /** Called when a task was rewound; to a feed of before its last rewind, it may stand further on by that. */
  readonly onRewind: (isForward: boolean) => void;
  /** Called when the operator could not do what he wanted. */
  readonly onError: (error: Error) => void;
}

const RESTART_MS = { from: 1, to: 2000 };
const PAUSE_MS = { from: 1, to: 60_000 };
const KEEP_FEEDS_MAX = 20;

/** See the module. */
export class Process implements DiskFaults {
  readonly #options: ProcessOptions;
  #current: Start | undefined;
  #isMended = false;
  /** Whether the one that runs was started when nothing failed any more. */
  isStartedCalmly = false;
  /** Whether nobody else could still go on when it was started. */
  isStartedAlone = true;

  constructor(options: ProcessOptions) {
    this.#options = options;
  }

  /** Undefined while it is about to be started again. */
  get current(): Start | undefined {
    return this.#current;
  }

  /** Starts Sluice on a fresh machine, with the journal that is left of the one before. */
  start(before?: Start, losesPower = false): void {
    const { starts, folder, operator: { world }, scenario, isCalm } = this.#options;
    const number = starts.length;
    const machine = new Machine(world, `sluice${number}`);
    const journal = join(folder, `${number}.db`);
    attachDisk(machine, folder, this);
    if (before && exists(before.journal)) copyAfterCrash(before.machine, before.journal, journal, losesPower);
    const isBounded = scenario.processes === 1 && (isCalm() || !scenario.grows);
    const started = start({ ...this.#options, machine, number, journal, isBounded, isMended: this.#isMended });
    this.isStartedAlone = starts.every(({ machine, end }) => end !== undefined || !machine.isAlive);
    starts.push(started);
    this.isStartedCalmly = isCalm();
    this.#current = started;
  }

  /** The machine is gone; what its disk holds now is what the next one finds. */
  crash(reason: string): void {
    const { starts, folder, scenario, operator: { world } } = this.#options;
    const before = this.#current!;
    const losesPower = world.chance.happens(scenario.faults.powerLoss);
    before.machine.crash(losesPower ? `${reason}, and its power is lost` : reason);
    this.#current = undefined;
    this.#options.onCrash();
    const left = join(folder, `left${starts.length}.db`);
    if (exists(before.journal)) copyAfterCrash(before.machine, before.journal, left, losesPower);
    this.#restart({ ...before, journal: left });
  }

  /** It has ended; the next one goes on. */
  goOn(reason: string): void {
    const before = this.#current!;
    before.machine.crash(reason);
    this.#restart(before);
  }

  /** A record has halted it; the next one goes on with code that takes it. */
  mend(): void {
    this.#isMended = true;
    this.goOn("its processor has failed");
  }

  /** It stops for a while, as SIGSTOP does. */
  pause(): void {
    this.#current!.machine.pause(this.#options.operator.world.chance.skewed(PAUSE_MS.from, PAUSE_MS.to));
  }

  /** It stops for a while, somebody takes it for dead and starts another one on its volume; then it goes on. */
  leaveZombie(): void {
    const zombie = this.#current!;
    if (!exists(zombie.journal)) return;
    this.pause();
    this.start(zombie);
    detachDisk(zombie.machine);
  }

  /** Its operator prunes its journal by a process of his own. @throws what prevents that */
  async prune(): Promise<void> {
    const { operator: { world, wallMs } } = this.#options;
    const { machine, journal: path } = this.#current ?? {};
    if (!machine || !path || !exists(path)) return;
    world.note(`the journal of ${machine.name} is pruned`);
    const journal = await SqliteJournal.open(path);
    try {
      const run = journal.run("simulated");
      if (run) pruneRun(journal, run, world.chance.integer(0, KEEP_FEEDS_MAX), wallMs);
    } finally {
      journal.close();
    }
  }

  #restart(before: Start): void {
    const { operator } = this.#options;
    this.#current = undefined;
    const delayMs = operator.world.chance.skewed(RESTART_MS.from, RESTART_MS.to);
    operator.world.schedule(operator, delayMs, "starts Sluice again", () => {
      if (this.#mayRewind(before)) this.#rewind(before.journal).then(() => this.start(before), this.#options.onError);
      else this.start(before);
    });
  }

  #mayRewind({ journal }: Start): boolean {
    const { scenario: { rewind }, operator: { world }, isCalm } = this.#options;
    return rewind > 0 && !isCalm() && world.chance.happens(rewind) && exists(journal);
  }

  /** Moves one of its tasks back to one of its feeds, if it has any. */
  async #rewind(path: string): Promise<void> {
    const { operator: { world, wallMs }, onRewind } = this.#options;
    const journal = await SqliteJournal.open(path);
    try {
      const run = journal.run("simulated");
      const tasks = run ? journal.tasks(run).map((task) => journal.task(task)).filter((task) => task.lastFeed()) : [];
      if (!run || tasks.length === 0) return;
      const target = { journal, run, taskJournal: world.chance.pick(tasks) };
      const { task } = target.taskJournal;
      const isRetired = journal.tasks(run).some(({ predecessors }) => predecessors.includes(task.name));
      const [first, last] = [target.taskJournal.firstReplayable(), target.taskJournal.lastFeed()!.seq];
      if (isRetired || first > last) return;
      const plan = planRewind(target, world.chance.integer(first, last + 1));
      world.note(`task ${task.name} is rewound from feed ${last} to feed ${plan.toFeed}`);
      const feeds = [...target.taskJournal.feeds(plan.toFeed, last + 1)];
      await rewind(target, plan, wallMs);
      onRewind(feeds.some((feed) => rewoundTo(feed) !== undefined));
    } finally {
      journal.close();
    }
  }

  isFull(machine: Machine): boolean {
    return this.#mayFailDisk(machine) && machine.world.chance.happens(this.#options.scenario.faults.diskFull);
  }

  failsSync(machine: Machine): boolean {
    return this.#mayFailDisk(machine) && machine.world.chance.happens(this.#options.scenario.faults.failedSync);
  }

  atCommit(machine: Machine, when: "before" | "after"): void {
    if (!this.#mayFailDisk(machine)) return;
    if (machine.world.chance.happens(10 * this.#options.scenario.faults.crash)) {
      this.crash(`it is killed ${when} a commit`);
    }
  }

  #mayFailDisk(machine: Machine): boolean {
    return !this.#options.isCalm() && machine === this.#current?.machine;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
