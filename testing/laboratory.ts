/** One processor in a realm of the test's own thread, with the state that its task has: what both kinds of test stand on. */

import { isPipelineFile } from "../cli/pipelines/is_pipeline_file.ts";
import type { EffectHandlers } from "../controller/effects.ts";
import { answerWith } from "../controller/effects.ts";
import { bundleProcessor, type Parameters } from "../controller/sandbox/bundle.ts";
import { Cell } from "../controller/sandbox/cell.ts";
import { type Enclosure, RealmEnclosure } from "../controller/sandbox/enclosure.ts";
import type { Fed, RealmOptions } from "../controller/sandbox/protocol.ts";
import { applyChanges, packEntries, type StateMap } from "../controller/state_map.ts";
import type { ClockPolicy } from "../engine/clock.ts";
import type { ErrorPolicy } from "../engine/failure.ts";
import type { Feed } from "../engine/feed.ts";

/** A processor that was bundled once. */
export interface LoadedCode {
  readonly code: string;
  readonly sourceMap: string;
}

const loaded = new Map<string, Promise<LoadedCode>>();

/** What is tested, besides its script. */
export interface CodeOptions {
  /** What `parameters()` answers. */
  readonly parameters?: Parameters;
  /** Which pipeline of a file with several. */
  readonly pipeline?: string;
}

/** Bundles the script, or the pipeline file, at `url`, once for all tests of this process. */
export function loadCode(url: URL | string, options: CodeOptions): Promise<LoadedCode> {
  const path = decodeURIComponent(new URL(url, "file:///").pathname);
  const key = JSON.stringify([path, options.parameters, options.pipeline]);
  let code = loaded.get(key);
  if (!code) loaded.set(key, code = bundle(path, options));
  return code;
}

async function bundle(path: string, { parameters = {}, pipeline }: CodeOptions): Promise<LoadedCode> {
  if (!isPipelineFile(path)) return await bundleProcessor(path, { parameters });
  const { onePipeline } = await import("../cli/pipelines/choose_pipelines.ts");
  const { pipelineSource } = await import("../cli/pipelines/pipeline_module.ts");
  const file = await onePipeline(path, pipeline, "the option pipeline");
  return await bundleProcessor(path, { parameters, pipeline: pipelineSource(path, file) });
}

/** What fixes the behaviour of a task besides its code. */
export interface LaboratoryOptions {
  readonly seed: number;
  readonly clock: ClockPolicy;
  readonly onError: ErrorPolicy;
  readonly effects: EffectHandlers;
  /** What modules see as the time while they are evaluated. */
  readonly startMs: number;
}

const RECORD_TIME_MS_MAX = 10_000;

/** Where all that is tried of one code runs: to try it once more costs no realm. */
const realms = new WeakMap<LoadedCode, Enclosure>();

/** See the module. */
export class Laboratory {
  readonly #loaded: LoadedCode;
  readonly #options: LaboratoryOptions;
  readonly state: StateMap = { state: new Map(), timers: new Map() };
  #cell: Cell;
  #nowMs = 0;
  #isStarted = false;

  constructor(loaded: LoadedCode, options: LaboratoryOptions) {
    this.#loaded = loaded;
    this.#options = options;
    this.#cell = this.#open();
  }

  get info(): Cell["info"] {
    return this.#cell.info;
  }

  /** Runs a feed to its end, or to the record that halts it; what was done is kept. */
  async run(feed: Feed): Promise<Fed> {
    this.#cell.begin(feed);
    const answer = answerWith(this.#options.effects);
    while (this.#cell.step(() => {}) === "waiting") {
      this.#cell.deliver(await answer(feed.seq, this.#cell.takeRequests()));
    }
    const fed = this.#cell.takeFed();
    const thrown = this.#cell.takeMicrotaskError();
    if (thrown) throw new Error(`A callback of queueMicrotask threw: ${thrown}`);
    applyChanges(this.state, { state: fed.changes, timers: fed.timerChanges });
    this.#nowMs = fed.nowMs;
    this.#isStarted = fed.isStarted;
    // An engine that halted takes no further feed.
    if (fed.isHalted) this.restart();
    return fed;
  }

  /** Evaluates the modules anew and goes on with what a journal would have: state, timers, time. */
  restart(): void {
    this.#cell = this.#open();
    this.#cell.restore({ state: packEntries(this.state.state), timers: packEntries(this.state.timers) });
  }

  #open(): Cell {
    const { seed, clock, onError, startMs } = this.#options;
    const options: RealmOptions = {
      seed,
      clock,
      onError,
      nowMs: this.#nowMs,
      isStarted: this.#isStarted,
      initialTimeMs: clock === "event" ? 0 : startMs,
      recordTimeMsMax: RECORD_TIME_MS_MAX,
    };
    const realm = realms.get(this.#loaded)?.forAnother() ?? new RealmEnclosure();
    realms.set(this.#loaded, realm);
    const cell = new Cell(this.#loaded.code, options, realm);
    cell.open(options);
    return cell;
  }
}
