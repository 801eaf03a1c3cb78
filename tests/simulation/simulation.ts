/**
 * One seed: a run of Sluice in a world where things fail, by one process or by several that share it, each started again
 * whenever it is gone, until all is done.
 *
 * The oracle is the same run by one process in a world where nothing fails. At every moment, what a reader of the outputs
 * sees must be the beginning of what that run gave, key by key; in the end it must be all of it, with the same digests.
 * Where time is that of feeds, this holds for all that no time decides; the rest must stay as it was seen first.
 */

import { join } from "node:path";
import type { End, Start } from "./controller.ts";
import { SharedTable, warmUpDynamoDb } from "./dynamodb/place.ts";
import { warmUpKinesis } from "./kinesis/place.ts";
import type { Inputs } from "./inputs.ts";
import { Neighbour } from "./neighbour.ts";
import type { Outputs } from "./outputs.ts";
import type { Place } from "./place.ts";
import { placesOf } from "./places.ts";
import { Process } from "./process.ts";
import { EXPECTED_FAILURES, LOST_FAILURES, TRIMMED_FAILURES } from "./expected_failures.ts";
import { fails, type SimulatedProcessors } from "./processors.ts";
import { calm, type Scenario } from "./scenario.ts";
import { follow, isAlarm, valuesByKey, withoutTime } from "./seen_outputs.ts";
import { installDisks } from "./world/disk.ts";
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
const STALL_MS = { from: 1, to: 60_000 };
const WRITE_MS = { from: 1, to: 5000 };
const JUMP_MS = 3_600_000;
const CLOSING_MS = 100;
/** How often a shared run, which has no end, is looked at; and when it had better be done, once nothing fails any more. */
const LOOK_MS = 1000;
const SHARED_MS_MAX = 900_000;

/** Runs a scenario, in `folder`, which is the world's disk. */
export async function simulate(scenario: Scenario, processors: SimulatedProcessors, folder: string): Promise<Outcome> {
  await install();
  const oracle = new Simulation(calm(scenario), processors, join(folder, "calm"));
  const expected = await oracle.run();
  if (expected.error) {
    return {
      ...expected,
      error: new Error(`the calm run fails: ${expected.error.message}`, { cause: expected.error }),
    };
  }
  return await new Simulation(scenario, processors, join(folder, "stormy"), oracle).run();
}

let installing: Promise<void> | undefined;

/** Once, before the first world. */
function install(): Promise<void> {
  return installing ??= (async () => {
    await warmUpKinesis();
    await warmUpDynamoDb();
    installPlatform();
    installNetwork();
    installDisks();
  })();
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #folder: string;
  readonly #oracle: Simulation | undefined;
  readonly #world: World;
  /** Where whoever starts Sluice lives; it never fails. */
  readonly #operator: Machine;
  readonly #inputs: Inputs;
  readonly #outputs: Outputs;
  /** Present when several processes share the run. */
  readonly #table: SharedTable | undefined;
  readonly #neighbour: Neighbour | undefined;
  readonly #writing: Iterator<void>;
  readonly #starts: Start[] = [];
  readonly #processes: readonly Process[];
  /** By key, as much as was ever seen. */
  readonly #seen = new Map<string, readonly string[]>();
  #events = 0;
  #steps = 0;
  #isCalm = false;
  /** A shared run has done all, or should have: its processes are stopped, and not started again. */
  #isFinishing = false;
  /** It stopped for good, and said so: a person has to decide. */
  #hasGivenUp = false;
  #hasTrimmed = false;
  #hasPruned = false;
  #isRewound = false;
  /** Whether what comes again need not be seen again, because it was passed over, or is left out by its readers. */
  #mayPassOver = false;
  #error: Error | undefined;

  constructor(scenario: Scenario, processors: SimulatedProcessors, folder: string, oracle?: Simulation) {
    this.#scenario = scenario;
    this.#folder = folder;
    this.#oracle = oracle;
    this.#world = new World(scenario.seed);
    this.#world.folder = folder;
    this.#operator = new Machine(this.#world, "operator");
    ({ inputs: this.#inputs, outputs: this.#outputs } = placesOf(this.#world, scenario));
    this.#table = scenario.processes > 1 ? new SharedTable(this.#world, scenario) : undefined;
    this.#neighbour = scenario.hasNeighbour ? new Neighbour() : undefined;
    this.#writing = this.#inputs.write();
    const options = {
      scenario,
      processor: processors.of(scenario),
      folder,
      operator: this.#operator,
      inputs: this.#inputs,
      outputs: this.#outputs,
      table: this.#table,
      neighbour: this.#neighbour && { run: this.#neighbour, code: processors.neighbour },
      starts: this.#starts,
      isCalm: () => this.#isCalm,
      onCrash: () => this.#checkPrefix(),
      onRewind: (isForward: boolean) => this.#noteRewind(isForward),
      onError: (error: Error) => void (this.#error ??= error),
      onStep: (machine: Machine) => this.#noteStep(machine),
    };
    this.#processes = Array.from({ length: scenario.processes }, () => new Process(options));
    this.#world.onEvent = (_what, machine) => this.#mayFail(machine);
  }

  async run(): Promise<Outcome> {
    Deno.mkdirSync(this.#folder, { recursive: true });
    try {
      if (this.#scenario.grows) this.#writeOn();
      else this.#writeAll();
      for (const process of this.#processes) process.start();
      await this.#world.runUntil(() => this.#look(), LIMITS);
      if (!this.#error) this.#check();
    } catch (error) {
      this.#error ??= error as Error;
    } finally {
      for (const each of this.#starts) each.dispose();
      Deno.removeSync(this.#folder, { recursive: true });
    }
    const { trace } = this.#world;
    return { trace, starts: this.#starts.length, outputs: this.#outputs.seen().length, error: this.#error };
  }

  /** The outputs in order, key by key, as far as they are the same in every world. */
  byKey(): ReadonlyMap<string, readonly string[]> {
    const outputs = this.#outputs.seen();
    return valuesByKey(this.#hasOwnTime ? outputs.flatMap(withoutTime) : outputs);
  }

  /** Whether its tasks' time depends on what happens in it. */
  get #hasOwnTime(): boolean {
    return this.#isMerged || this.#scenario.clock === "feed";
  }

  /** A partition that cannot be read for a while is not waited for: how it is merged with the others is up to the faults. */
  get #isMerged(): boolean {
    const { tasksMax, partitions, source, otherSource } = this.#scenario;
    if (otherSource) return true;
    // The only shard of a stream may split.
    return tasksMax === 1 && (partitions.length > 1 || source === "kinesis");
  }

  get digests(): Readonly<Record<string, string>> {
    return this.#processes[0].current!.end!.digests;
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

  /** Whether all is over. */
  #look(): boolean {
    for (const process of this.#processes) if (process.current?.end) this.#lookAt(process, process.current.end);
    if (this.#error || this.#hasGivenUp) return true;
    const isOver = this.#table ? this.#isFinishing : this.#processes[0].current?.end !== undefined;
    if (!isOver) return false;
    // Whoever was paused must be let go on: nothing he does may be seen.
    this.#beCalm();
    return this.#hasNobody && this.#outputs.areSettled;
  }

  #lookAt(process: Process, { failures: [failure], divergences: [divergence], runEndedMs }: End): void {
    if (divergence) this.#error = new Error(`a replay finds another ${divergence}`);
    if (failure) return this.#noteFailure(process, failure as Error & { readonly code?: string });
    const { isStopped } = process.current!;
    if (isStopped && !process.isStartedCalmly && !this.#isFinishing) return process.goOn("its process has stopped");
    // Nobody looks any more while realms and connections are closed; who starts it again gets it back.
    const hasLost = this.#outputs.lostAtMs > runEndedMs - CLOSING_MS;
    if (hasLost && !process.isStartedCalmly && !this.#table) return process.goOn("its sink has lost the last of it");
    if (this.#table && !isStopped) this.#error = new Error("a process that shares its run has ended by itself");
  }

  /** Whether no start goes on, or could when it is no longer paused. */
  get #hasNobody(): boolean {
    return this.#starts.every(({ machine, end }) => end !== undefined || !machine.isAlive);
  }

  #noteFailure(process: Process, failure: Error & { readonly code?: string }): void {
    const { code = failure.name, message } = failure;
    const { machine, isStopped } = process.current!;
    // Whoever has to stop does not wait for a sink until it is known, nor does whoever is overtaken meanwhile.
    const isUnknown = code === "E_COMMIT_UNKNOWN" && isStopped;
    if (isUnknown && this.#isFinishing) return;
    this.#world.note(`${machine.name} stops: ${message}`);
    // What a sink has lost can be brought back only as long as the journal has it.
    const { sink, otherSink, onError } = this.#scenario;
    if (code === "E_PROCESSOR_FAILED" && onError === "halt") return process.mend();
    const isGone = this.#outputs.haveLostAll || (this.#hasPruned && [sink, otherSink].includes("redis"));
    const isLost = LOST_FAILURES.has(code) && isGone;
    if (isLost || (this.#hasTrimmed && TRIMMED_FAILURES.has(code))) {
      this.#hasGivenUp = true;
      return;
    }
    const isExpected = !process.isStartedCalmly && (EXPECTED_FAILURES.has(code) || isUnknown);
    // Others shut out may be quicker to take over, once they go on.
    if (!isExpected && (code !== "E_FENCED" || process.isStartedAlone)) {
      this.#error = new Error(`Sluice stopped with ${code}: ${message}`, { cause: failure });
      return;
    }
    process.goOn("its process has failed");
  }

  #check(): void {
    this.#checkPrefix();
    if (!this.#oracle || this.#error || this.#hasGivenUp) return;
    const missing = this.#missing() ?? this.#neighbour?.lackOf(this.#oracle.#neighbour!);
    if (missing) this.#error = new Error(missing);
    if (this.#table) return;
    this.#checkLetters();
    // A task that goes on for others is numbered when its shards are seen, and its digests begin with its name.
    const digests = JSON.stringify(this.digests);
    const { source, onError } = this.#scenario;
    const isAlike = !this.#hasOwnTime && !this.#isRewound && source !== "kinesis" && onError !== "halt";
    if (isAlike && digests !== JSON.stringify(this.#oracle.digests)) {
      this.#error ??= new Error(`the digests are ${digests}, wanted are ${JSON.stringify(this.#oracle.digests)}`);
    }
  }

  /** Each record that fails is put aside once. */
  #checkLetters(): void {
    const { onError, partitions } = this.#scenario;
    const wanted = onError !== "dead-letter" ? 0 : partitions.flat().filter(({ amount }) => fails(amount)).length;
    const { letters } = this.#processes[0].current!.end!;
    if (letters < wanted || (letters > wanted && !this.#isRewound)) {
      this.#error ??= new Error(`${letters} records were put aside, wanted are ${wanted}`);
    }
  }

  /** What is not there of what is wanted. Alarms that the end of the input rings are missing where it has none. */
  #missing(): string | undefined {
    const actual = this.byKey();
    for (const [key, values] of this.#oracle!.byKey()) {
      const { reached, farthest } = follow(actual.get(key) ?? [], values, { isRewound: this.#isRewound });
      const seen = this.#mayPassOver ? farthest : reached;
      const rest = values.slice(seen).filter((value) => !this.#table || !isAlarm(value));
      if (rest.length > 0) return `${key} has ${seen} of ${values.length} outputs in the end; ${rest[0]} is missing`;
    }
    return undefined;
  }

  /** What was seen of a key stays as it was; what a sink has lost comes again as it was. */
  #checkSeen(): void {
    for (const [key, values] of valuesByKey(this.#outputs.seen())) {
      const before = this.#seen.get(key) ?? [];
      const at = values.findIndex((value, index) => value !== (before[index] ?? value));
      if (at >= 0) this.#error ??= new Error(`output ${at} of ${key} is ${values[at]}, and was ${before[at]}`);
      if (values.length > before.length) this.#seen.set(key, values);
    }
  }

  /** What is seen is the beginning of what is wanted: nothing twice, nothing else, in order. */
  #checkPrefix(): void {
    this.#checkSeen();
    if (!this.#oracle) return;
    this.#error ??= this.#neighbour?.differenceFrom(this.#oracle.#neighbour!);
    const expected = this.#oracle.byKey();
    for (const [key, values] of this.byKey()) {
      const { reached, wrongAt: at } = follow(values, expected.get(key), { isRewound: this.#isRewound });
      if (at === undefined) continue;
      this.#error ??= new Error(
        `output ${at} of ${key} is ${values[at]}, wanted is ${expected.get(key)?.[reached] ?? "none"}`,
      );
    }
  }

  #mayFail(machine: Machine): void {
    const { faults } = this.#scenario;
    if (this.#isCalm) return;
    if (this.#events++ >= faults.eventsMax) return this.#beCalm();
    const { chance } = this.#world;
    const own = this.#processOf(machine);
    if (own && chance.happens(faults.crash)) return own.crash("it is killed");
    if (own && chance.happens(faults.pause)) own.pause();
    if (own && chance.happens(faults.zombie)) own.leaveZombie();
    if (chance.happens(faults.clockJump)) this.#jump();
    if (chance.happens(faults.stop)) this.#anyCurrent()?.stop();
    if (chance.happens(faults.trim) && this.#anyCurrent()?.hasBegun) this.#trim();
    if (chance.happens(faults.prune)) this.#prune();
    if (chance.happens(faults.server)) chance.pick(this.#servers).disturb();
    const { links } = networkOf(this.#operator);
    if (links.length === 0) return;
    if (chance.happens(faults.cut)) chance.pick(links).cut();
    if (chance.happens(faults.stall)) chance.pick(links).stall(chance.skewed(STALL_MS.from, STALL_MS.to));
  }

  get #servers(): readonly Pick<Place, "disturb" | "restore">[] {
    return [...this.#inputs.places, ...this.#outputs.places, ...(this.#table ? [this.#table] : [])];
  }

  #anyCurrent(): Start | undefined {
    const [first, ...others] = this.#processes;
    return (others.length === 0 ? first : this.#world.chance.pick(this.#processes)).current;
  }

  #noteRewind(isForward: boolean): void {
    const { sink, otherSink } = this.#scenario;
    this.#isRewound = true;
    this.#mayPassOver ||= isForward || [sink, otherSink].includes("kinesis");
  }

  #jump(): void {
    const machine = this.#anyCurrent()?.machine;
    if (!machine) return;
    machine.wallOffsetMs = this.#world.chance.integer(-JUMP_MS, JUMP_MS);
    this.#world.note(`the clock of ${machine.name} jumps`);
  }

  #prune(): void {
    this.#hasPruned = true;
    const process = this.#world.chance.pick(this.#processes);
    this.#operator.run(() => process.prune()).catch((error) => this.#error ??= error as Error);
  }

  /** The one that crashes at a step is the last to fail. */
  #noteStep(machine: Machine): void {
    if (this.#isCalm || ++this.#steps !== this.#scenario.faults.crashAtStep) return;
    this.#processOf(machine)?.crash("it is killed at a step");
    this.#beCalm();
  }

  #processOf(machine: Machine): Process | undefined {
    return this.#processes.find(({ current }) => current?.machine === machine);
  }

  #trim(): void {
    this.#hasTrimmed = true;
    this.#world.note("the oldest part of the input is gone");
    this.#inputs.trim(this.#world.chance);
  }

  #beCalm(): void {
    if (this.#isCalm) return;
    this.#isCalm = true;
    this.#world.note("nothing fails any more");
    for (const server of this.#servers) server.restore();
    this.#writeAll();
    // What does not end by itself is stopped; the next one reads on until the end. In a shared run, tasks that failed while
    // others went on are tried again, except where nothing could make one fail.
    const { grows, faults: { crashAtStep } } = this.#scenario;
    if (grows || (this.#table && crashAtStep === undefined)) this.#stopAll();
    if (this.#table) this.#lookAfter(this.#world.nowMs + SHARED_MS_MAX);
  }

  #stopAll(): void {
    for (const each of this.#starts) if (!each.end && each.machine.isAlive) each.stop();
  }

  /** Whether a shared run has done all is seen by its outputs alone. */
  #lookAfter(deadlineMs: number): void {
    this.#world.schedule(this.#operator, LOOK_MS, "looks for what is missing", () => {
      const isDone = this.#processes.every(({ current }) => current && !current.isStopped) &&
        this.#missing() === undefined;
      if (!isDone && this.#world.nowMs < deadlineMs) return this.#lookAfter(deadlineMs);
      this.#isFinishing = true;
      this.#stopAll();
    });
  }
}
