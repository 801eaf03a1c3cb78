/**
 * One seed: a run of Sluice in a world where things fail, started again whenever it is gone, until all is done.
 *
 * The oracle is the same run in a world where nothing fails. At every moment, what a reader of the outputs sees must be
 * the beginning of what that run gave, key by key; in the end it must be all of it, with the same digests.
 */

import { join } from "@std/path";
import { type Start, start } from "./controller.ts";
import { KafkaPlace } from "./kafka/place.ts";
import { KinesisPlace, warmUpKinesis } from "./kinesis/place.ts";
import type { Place, SeenOutput } from "./place.ts";
import { RedisPlace } from "./redis/place.ts";
import type { SimulatedProcessor } from "./processors.ts";
import { calm, type Scenario, type System } from "./scenario.ts";
import { attachDisk, copyAfterCrash, detachDisk, type DiskFaults, installDisks } from "./world/disk.ts";
import { installNetwork, networkOf } from "./world/network.ts";
import { installPlatform } from "./world/platform.ts";
import { Machine, World } from "./world/world.ts";

/** What became of a seed. */
export interface Outcome {
  readonly trace: World["trace"];
  /** How often Sluice was started. */
  readonly starts: number;
  readonly outputs: number;
  /** Set when something is wrong. */
  readonly error: Error | undefined;
}

const LIMITS = { eventsMax: 400_000, timeMsMax: 3_600_000 };
/** What may stop a start while things fail; what else does is a defect. */
const EXPECTED_FAILURES: ReadonlySet<string> = new Set([
  "E_JOURNAL_UNWRITABLE",
  "E_DISK_FULL",
  "E_SOURCE_UNREADABLE",
  "E_SOURCE_UNREACHABLE",
  "E_SINK_UNWRITABLE",
]);
/** How a run may stop for good, once a part of its input is gone that it may not have read. */
const TRIMMED_FAILURES: ReadonlySet<string> = new Set(["E_GAP", "E_INPUTS_CHANGED", "E_SOURCE_CHANGED"]);
const RESTART_MS = { from: 1, to: 2000 };
const PAUSE_MS = { from: 1, to: 60_000 };
const STALL_MS = { from: 1, to: 60_000 };
const WRITE_MS = { from: 1, to: 5000 };
const JUMP_MS = 3_600_000;

/** Runs a scenario, in `folder`, which is the world's disk. */
export async function simulate(scenario: Scenario, processor: SimulatedProcessor, folder: string): Promise<Outcome> {
  await install();
  const oracle = new Simulation(calm(scenario), processor, join(folder, "calm"));
  const expected = await oracle.run();
  if (expected.error) {
    return {
      ...expected,
      error: new Error(`the calm run fails: ${expected.error.message}`, { cause: expected.error }),
    };
  }
  return await new Simulation(scenario, processor, join(folder, "stormy"), oracle).run();
}

let installing: Promise<void> | undefined;

/** Once, before the first world. */
function install(): Promise<void> {
  return installing ??= (async () => {
    await warmUpKinesis();
    installPlatform();
    installNetwork();
    installDisks();
  })();
}

class Simulation implements DiskFaults {
  readonly #scenario: Scenario;
  readonly #processor: SimulatedProcessor;
  readonly #folder: string;
  readonly #oracle: Simulation | undefined;
  readonly #world: World;
  /** Where whoever starts Sluice lives; it never fails. */
  readonly #operator: Machine;
  readonly #input: Place;
  readonly #output: Place;
  readonly #writing: Iterator<void>;
  readonly #starts: Start[] = [];
  #current: Start | undefined;
  #events = 0;
  #isCalm = false;
  /** Whether the one that runs was started after that. */
  #isStartedCalmly = false;
  /** Whether nobody else could still go on when it was started. */
  #isStartedAlone = true;
  /** It stopped for good, and said so: a person has to decide. */
  #hasGivenUp = false;
  #hasTrimmed = false;
  #error: Error | undefined;

  constructor(scenario: Scenario, processor: SimulatedProcessor, folder: string, oracle?: Simulation) {
    this.#scenario = scenario;
    this.#processor = processor;
    this.#folder = folder;
    this.#oracle = oracle;
    this.#world = new World(scenario.seed);
    this.#world.folder = folder;
    this.#operator = new Machine(this.#world, "operator");
    const places = new Map<System, Place>();
    const placeOf = (system: System): Place => {
      if (!places.has(system)) places.set(system, placeFor(system, this.#world, scenario));
      return places.get(system)!;
    };
    this.#input = placeOf(scenario.source);
    this.#output = placeOf(scenario.sink);
    this.#writing = this.#input.write();
    this.#world.onEvent = (_what, machine) => this.#mayFail(machine);
  }

  async run(): Promise<Outcome> {
    Deno.mkdirSync(this.#folder, { recursive: true });
    try {
      if (this.#scenario.grows) this.#writeOn();
      else this.#writeAll();
      this.#start(undefined);
      await this.#world.runUntil(() => this.#look(), LIMITS);
      if (!this.#error) this.#check();
    } catch (error) {
      this.#error ??= error as Error;
    } finally {
      for (const each of this.#starts) each.dispose();
      Deno.removeSync(this.#folder, { recursive: true });
    }
    const { trace } = this.#world;
    return { trace, starts: this.#starts.length, outputs: this.#output.outputs().length, error: this.#error };
  }

  /** The outputs in order, key by key. */
  byKey(): ReadonlyMap<string, readonly string[]> {
    const outputs = this.#isMerged ? this.#output.outputs().flatMap(withoutTime) : this.#output.outputs();
    return new Map(
      [...Map.groupBy(outputs, ({ key }) => key)].map(([key, some]) => [key, some.map(({ value }) => value)]),
    );
  }

  /** A partition that cannot be read for a while is not waited for: how it is merged with the others is up to the faults. */
  get #isMerged(): boolean {
    return this.#scenario.tasksMax === 1 && this.#scenario.partitions.length > 1;
  }

  get digests(): Readonly<Record<string, string>> {
    return this.#current!.end!.digests;
  }

  #writeAll(): void {
    while (!this.#writing.next().done);
  }

  /** A piece now, and the next one later. */
  #writeOn(): void {
    if (this.#writing.next().done) return;
    this.#world.schedule(
      this.#operator,
      this.#world.chance.skewed(WRITE_MS.from, WRITE_MS.to),
      "writes",
      () => this.#writeOn(),
    );
  }

  /** Starts Sluice on a fresh machine, with the journal that is left of the one before. */
  #start(before: Start | undefined, losesPower = false): void {
    const number = this.#starts.length;
    const machine = new Machine(this.#world, `sluice${number}`);
    const journal = join(this.#folder, `${number}.db`);
    attachDisk(machine, this.#folder, this);
    if (before && exists(before.journal)) copyAfterCrash(before.machine, before.journal, journal, losesPower);
    const isBounded = this.#isCalm || !this.#scenario.grows;
    const options = { machine, journal, scenario: this.#scenario, processor: this.#processor, isBounded };
    const started = start({ ...options, input: this.#input, output: this.#output });
    this.#isStartedAlone = this.#hasNobody;
    this.#starts.push(started);
    this.#isStartedCalmly = this.#isCalm;
    this.#current = started;
  }

  /** The machine is gone; what its disk holds now is what the next one finds. */
  #crash(reason: string): void {
    const before = this.#current!;
    const losesPower = this.#world.chance.happens(this.#scenario.faults.powerLoss);
    before.machine.crash(losesPower ? `${reason}, and its power is lost` : reason);
    this.#current = undefined;
    this.#checkPrefix();
    const left = join(this.#folder, `left${this.#starts.length}.db`);
    if (exists(before.journal)) copyAfterCrash(before.machine, before.journal, left, losesPower);
    this.#restart({ ...before, journal: left });
  }

  #restart(before: Start): void {
    this.#current = undefined;
    const delayMs = this.#world.chance.skewed(RESTART_MS.from, RESTART_MS.to);
    this.#world.schedule(this.#operator, delayMs, "starts Sluice again", () => this.#start(before));
  }

  /** Whether all is over. */
  #look(): boolean {
    if (this.#error) return true;
    const { end } = this.#current ?? {};
    if (!end) return false;
    const [failure] = end.failures;
    if (failure) {
      this.#noteFailure(failure as Error & { readonly code?: string });
      return this.#error !== undefined || this.#hasGivenUp;
    }
    if (this.#current!.isStopped && !this.#isStartedCalmly) {
      this.#goOn("its process has stopped");
      return false;
    }
    // Whoever was paused must be let go on: nothing he does may be seen.
    this.#beCalm();
    return this.#hasNobody && this.#output.isSettled();
  }

  /** Whether no start goes on, or could when it is no longer paused. */
  get #hasNobody(): boolean {
    return this.#starts.every(({ machine, end }) => end !== undefined || !machine.isAlive);
  }

  #noteFailure(failure: Error & { readonly code?: string }): void {
    const { code = failure.name, message } = failure;
    this.#world.note(`${this.#current!.machine.name} stops: ${message}`);
    const isLost = code === "E_CHECKPOINT_MISMATCH" && this.#output.hasLostAll();
    if (isLost || (this.#hasTrimmed && TRIMMED_FAILURES.has(code))) {
      this.#hasGivenUp = true;
      return;
    }
    // Whoever has to stop does not wait for a sink until it is known.
    const isUnknown = code === "E_COMMIT_UNKNOWN" && this.#current!.isStopped;
    const isExpected = !this.#isStartedCalmly && (EXPECTED_FAILURES.has(code) || isUnknown);
    // Others shut out may be quicker to take over, once they go on.
    if (!isExpected && (code !== "E_FENCED" || this.#isStartedAlone)) {
      this.#error = new Error(`Sluice stopped with ${code}: ${message}`, { cause: failure });
      return;
    }
    this.#goOn("its process has failed");
  }

  #goOn(reason: string): void {
    const before = this.#current!;
    before.machine.crash(reason);
    this.#restart(before);
  }

  #check(): void {
    this.#checkPrefix();
    if (!this.#oracle || this.#error || this.#hasGivenUp) return;
    const [actual, expected] = [this.byKey(), this.#oracle.byKey()];
    for (const [key, values] of expected) {
      const seen = actual.get(key)?.length ?? 0;
      if (seen === values.length) continue;
      this.#error = new Error(`${key} has ${seen} of ${values.length} outputs in the end; ${values[seen]} is missing`);
    }
    // A task that goes on for others is numbered when its shards are seen, and its digests begin with its name.
    const digests = JSON.stringify(this.digests);
    if (!this.#isMerged && this.#scenario.source !== "kinesis" && digests !== JSON.stringify(this.#oracle.digests)) {
      this.#error ??= new Error(`the digests are ${digests}, wanted are ${JSON.stringify(this.#oracle.digests)}`);
    }
  }

  /** What is seen is the beginning of what is wanted: nothing twice, nothing else, in order. */
  #checkPrefix(): void {
    if (!this.#oracle) return;
    const expected = this.#oracle.byKey();
    for (const [key, values] of this.byKey()) {
      const at = values.findIndex((value, index) => value !== expected.get(key)?.[index]);
      if (at < 0) continue;
      this.#error ??= new Error(
        `output ${at} of ${key} is ${values[at]}, wanted is ${expected.get(key)?.[at] ?? "none"}`,
      );
    }
  }

  #mayFail(machine: Machine): void {
    const { faults } = this.#scenario;
    if (this.#isCalm) return;
    if (this.#events++ >= faults.eventsMax) return this.#beCalm();
    const { chance } = this.#world;
    const current = this.#current;
    const isCurrent = machine === current?.machine;
    if (isCurrent && chance.happens(faults.crash)) return this.#crash("it is killed");
    if (isCurrent && chance.happens(faults.pause)) machine.pause(chance.skewed(PAUSE_MS.from, PAUSE_MS.to));
    if (isCurrent && chance.happens(faults.zombie)) this.#leaveZombie(current!);
    if (chance.happens(faults.clockJump) && current) {
      current.machine.wallOffsetMs = chance.integer(-JUMP_MS, JUMP_MS);
      this.#world.note(`the clock of ${current.machine.name} jumps`);
    }
    if (chance.happens(faults.stop)) current?.stop();
    if (chance.happens(faults.trim) && current?.hasBegun) this.#trim();
    if (chance.happens(faults.server)) chance.pick([this.#input, this.#output]).disturb();
    const { links } = networkOf(this.#operator);
    if (links.length === 0) return;
    if (chance.happens(faults.cut)) chance.pick(links).cut();
    if (chance.happens(faults.stall)) chance.pick(links).stall(chance.skewed(STALL_MS.from, STALL_MS.to));
  }

  #trim(): void {
    this.#hasTrimmed = true;
    this.#world.note("the oldest part of the input is gone");
    this.#input.trim();
  }

  /** It stops for a while, somebody takes it for dead and starts another one on its volume; then it goes on. */
  #leaveZombie(zombie: Start): void {
    if (!exists(zombie.journal)) return;
    zombie.machine.pause(this.#world.chance.skewed(PAUSE_MS.from, PAUSE_MS.to));
    this.#start(zombie);
    detachDisk(zombie.machine);
  }

  #beCalm(): void {
    if (this.#isCalm) return;
    this.#isCalm = true;
    this.#world.note("nothing fails any more");
    this.#input.restore();
    this.#output.restore();
    this.#writeAll();
    // What does not end by itself is stopped; the next one reads on until the end.
    if (this.#scenario.grows) { for (const each of this.#starts) if (!each.end && each.machine.isAlive) each.stop(); }
  }

  isFull(machine: Machine): boolean {
    return this.#mayFailDisk(machine) && this.#world.chance.happens(this.#scenario.faults.diskFull);
  }

  failsSync(machine: Machine): boolean {
    return this.#mayFailDisk(machine) && this.#world.chance.happens(this.#scenario.faults.failedSync);
  }

  atCommit(machine: Machine, when: "before" | "after"): void {
    if (this.#isCalm || machine !== this.#current?.machine) return;
    if (this.#world.chance.happens(10 * this.#scenario.faults.crash)) this.#crash(`it is killed ${when} a commit`);
  }

  #mayFailDisk(machine: Machine): boolean {
    return !this.#isCalm && machine === this.#current?.machine;
  }
}

function placeFor(system: System, world: World, scenario: Scenario): Place {
  switch (system) {
    case "kafka":
      return new KafkaPlace(world, scenario);
    case "redis":
      return new RedisPlace(world, scenario);
    case "kinesis":
      return new KinesisPlace(world, scenario);
    default:
      return system satisfies never;
  }
}

/** What does not depend on the other partitions of a task. */
function withoutTime({ key, value }: SeenOutput): readonly SeenOutput[] {
  const { at: _, ...rest } = JSON.parse(value) as { readonly at: number; readonly kind: string };
  return rest.kind === "alarm" ? [] : [{ key, value: JSON.stringify(rest) }];
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
