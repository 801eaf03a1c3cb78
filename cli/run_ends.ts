/** What a run reads, writes and shares: named by its URIs, opened and closed together. */

import type { Sink } from "../adapters/sink.ts";
import type { Source } from "../adapters/source.ts";
import type { LoadedProcessor } from "../controller/load_processor.ts";
import type { RoamingOptions } from "../controller/roaming/roaming_group.ts";
import { openSinks, openSource } from "./adapters.ts";
import { bindUris } from "./bindings.ts";
import type { RunCommandOptions } from "./run.ts";
import { refuseOwnOutput } from "./own_output.ts";
import { openStore } from "./store_uris.ts";
import { absoluteUri, parseUri } from "./uri.ts";
import { UsageError } from "./usage_error.ts";

/** What a run is called, and where its inputs and outputs are. */
export interface RunPlan {
  readonly name: string;
  readonly inputs: ReadonlyMap<string, string>;
  readonly outputs: ReadonlyMap<string, string>;
  /** The inputs as they are called wherever the run is started. */
  readonly uris: Readonly<Record<string, string>>;
  readonly isStdout: boolean;
  /** Whether it reads on when it has come to the end of its inputs. */
  readonly isFollowing: boolean;
}

/** @throws {UsageError} when options contradict each other, or a URI cannot be used */
export function planRun({ info }: LoadedProcessor, options: RunCommandOptions): RunPlan {
  const inputs = bindUris("--from", options.from, info.inputs);
  const outputs = bindUris("--to", options.to, info.outputs);
  if (options.store !== undefined && options.untilEnd) {
    throw new UsageError("Cannot share a run that ends: use --store without --until-end, and a signal ends it");
  }
  refuseOwnOutput({ inputs: inputs.values(), outputs: outputs.values(), journal: options.journal });
  if (options.name !== undefined) requireName(options.name);
  const isStdin = isStandard(inputs);
  return {
    name: options.name ?? (isStdin ? unnamed(info.name) : info.name),
    inputs,
    outputs,
    uris: Object.fromEntries([...inputs].map(([input, uri]) => [input, absoluteUri(uri)])),
    isStdout: isStandard(outputs),
    isFollowing: !options.untilEnd && !isStdin,
  };
}

/** A lock's file and a topic are called by it. */
const NAME_UNITS_MAX = 200;

function requireName(name: string): void {
  const { length } = encodeURIComponent(name);
  if (length > 0 && length <= NAME_UNITS_MAX) return;
  const is = length === 0 ? "it is empty" : `it has ${length} characters as files are called by it`;
  throw new UsageError(`Cannot use --name ${name.slice(0, 20)}: ${is}; 1 to ${NAME_UNITS_MAX} are wanted`);
}

function isStandard(uris: ReadonlyMap<string, string>): boolean {
  return [...uris.values()].some((uri) => parseUri(uri).scheme === "stdio");
}

/** Every unnamed reading of standard input is a run of its own: the next one brings other bytes. */
function unnamed(processor: string): string {
  return `${processor}-${new Date().toISOString().replace(/[-:.]/g, "")}-${Deno.pid}`;
}

/** What it takes to open them. */
export interface OpenContext {
  readonly stop: AbortSignal;
  readonly say: (text: string) => void;
}

/** See the module. */
export class RunEnds implements AsyncDisposable {
  from: Record<string, Source> = {};
  to: Record<string, Sink> = {};
  roaming: RoamingOptions | undefined;
  /** How many partitions the inputs have. */
  partitions = 0;

  #opening: Promise<void> | undefined;
  #isOpening = false;

  /**
   * Opens them; what is open when one cannot be opened is closed by whoever disposes of this. Answers whether they were
   * open before `stop` aborted: what is out of reach is tried for some seconds, for which nobody should have to wait then.
   */
  async open(plan: RunPlan, options: RunCommandOptions, { stop, say }: OpenContext): Promise<boolean> {
    this.#isOpening = true;
    this.#opening = this.#open(plan, options, say).finally(() => this.#isOpening = false);
    const stopped = Promise.withResolvers<void>();
    const onStop = (): void => stopped.resolve();
    stop.addEventListener("abort", onStop, { once: true });
    if (stop.aborted) onStop();
    try {
      await Promise.race([this.#opening, stopped.promise]);
      return !this.#isOpening;
    } finally {
      stop.removeEventListener("abort", onStop);
    }
  }

  async #open({ name, ...plan }: RunPlan, options: RunCommandOptions, onNotice: (text: string) => void): Promise<void> {
    const { store, owner, lease } = options;
    const isShared = store !== undefined;
    await allOf([
      ...[...plan.inputs].map(async ([input, uri]) => {
        this.from[input] = await openSource(uri, { isBounded: !plan.isFollowing, onNotice });
        const partitions = await this.from[input].partitions();
        this.partitions += partitions.length;
      }),
      openSinks(plan.outputs, { run: name, isShared, onNotice }).then((to) => this.to = to),
      ...isShared
        ? [openStore(store, { run: name, owner, leaseMs: lease * 1000 }).then((roaming) => this.roaming = roaming)]
        : [],
    ]);
    // In the order in which they were named, whichever was open first: journals compare them as they are.
    this.from = Object.fromEntries([...plan.inputs.keys()].map((input) => [input, this.from[input]]));
    if (options.clock === "event" && !Object.values(this.from).some(({ hasEventTime }) => hasEventTime)) {
      onNotice(
        "No input has event times, so time stands still with --clock event; name their field: --from URI?time=FIELD",
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpening) return await this.#close();
    // Whoever was stopped meanwhile does not wait for it, and would not want to hear of it.
    this.#opening!.catch(() => {}).then(() => this.#close()).catch(() => {});
  }

  async #close(): Promise<void> {
    for (const port of new Set([...Object.values(this.from), ...Object.values(this.to)])) await port.close();
    await this.roaming?.leases.close();
    await this.roaming?.store.close();
  }
}

/** Throws what the first of them threw, when none is under way any more: what is open by then can be closed. */
async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  for (const each of await Promise.allSettled(work)) if (each.status === "rejected") throw each.reason;
}
