/** `sluice replay --step`: an interactive session over recorded units, forwards and backwards. */

import type { FeedSelection } from "../controller/replay/replay.ts";
import { type Step, Stepper } from "../controller/replay/stepper.ts";
import { jsonOrText } from "../controller/replay/difference.ts";
import type { Recording } from "../controller/replay/recording.ts";
import { selectedFeeds } from "../controller/replay/replay.ts";
import { timeText } from "../engine/time_text.ts";
import { messageColours } from "./colours.ts";
import { counted } from "./counted.ts";
import { placeText } from "./divergence_report.ts";
import { EXIT } from "./exit_code.ts";
import { printData, printMessage } from "./output.ts";
import { parseRecordPlace } from "./ranges.ts";

const HELP = `n, next            the next record, timer or hook        p, prev            the one before
c EXPRESSION       go on until it holds: value, key, offset, partition, outputs, state("key"), error
g FEED | S/P@OFFSET  go there                           w KEY              watch a key of the state; again: no more
r, record          the record                           s [KEY]            the state, or one key
o, outputs         what it emitted                      e, effects         what it asked, and the answers
t, timers          the timers that are set              q, quit`;

/** Runs the session until its input ends, or the user does; answers the exit code. */
export async function stepThrough(
  recording: Recording,
  selection: FeedSelection,
  isFailed: boolean,
): Promise<number> {
  const session = new Session(recording);
  try {
    await session.begin(selection, isFailed);
    for await (const line of promptedLines()) {
      if (!await session.command(line.trim())) break;
    }
    return EXIT.ok;
  } finally {
    await session.close();
  }
}

/** A person is asked; a script just writes. */
async function* promptedLines(): AsyncGenerator<string> {
  const isAsked = Deno.stdin.isTerminal();
  const ask = (): void => void (isAsked && Deno.stderr.writeSync(new TextEncoder().encode("> ")));
  ask();
  let rest = "";
  for await (
    const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
  ) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      yield line;
      ask();
    }
  }
  if (rest !== "") yield rest;
}

class Session {
  readonly #recording: Recording;
  readonly #stepper: Stepper;
  readonly #watched = new Map<string, string | undefined>();

  constructor(recording: Recording) {
    this.#recording = recording;
    this.#stepper = new Stepper(recording);
  }

  async begin(selection: FeedSelection, isFailed: boolean): Promise<void> {
    printMessage(`h for help`);
    const halted = isFailed && await this.#stepper.goToHalted();
    if (halted) return this.#show(halted);
    for (const { seq } of selectedFeeds(this.#recording, selection)) {
      return this.#show(await this.#stepper.goToFeed(seq));
    }
    printMessage("No feed of the task is like that");
  }

  close(): Promise<void> {
    return this.#stepper.close();
  }

  /** Whether the session goes on. */
  async command(line: string): Promise<boolean> {
    const [, name = "", argument = ""] = /^(\S*)\s*(.*)$/.exec(line) ?? [];
    try {
      return await this.#run(name, argument);
    } catch (error) {
      // A wrong place or expression ends nothing.
      printMessage((error as Error).message);
      return true;
    }
  }

  async #run(name: string, argument: string): Promise<boolean> {
    switch (name) {
      case "q":
      case "quit":
        return false;
      case "":
      case "n":
      case "next":
        this.#show(await this.#stepper.next(), "That was the last");
        return true;
      case "p":
      case "prev":
        this.#show(await this.#stepper.previous(), "That was the first");
        return true;
      case "c":
        await this.#continue(argument);
        return true;
      case "g":
        this.#show(await this.#go(argument), "Nothing was processed there");
        return true;
      case "w":
        this.#watch(argument);
        return true;
      default:
        this.#print(name, argument);
        return true;
    }
  }

  #go(place: string): Promise<Step | undefined> {
    if (/^\d+$/.test(place)) return this.#stepper.goToFeed(Number(place));
    return this.#stepper.goToRecord(parseRecordPlace(place, this.#recording.taskJournal.task.partitions));
  }

  async #continue(expression: string): Promise<void> {
    const holds = condition(expression, this.#stepper);
    for (let step = await this.#stepper.next(); step; step = await this.#stepper.next()) {
      if (holds(step)) return this.#show(step);
    }
    printMessage(`It held for none up to the end`);
    this.#show(this.#stepper.current());
  }

  #watch(key: string): void {
    if (!this.#watched.delete(key)) this.#watched.set(key, this.#stepper.state.state.get(key));
    printMessage(`Watching: ${[...this.#watched.keys()].join(", ") || "nothing"}`);
  }

  #show(step: Step | undefined, otherwise = ""): void {
    if (!step) return printMessage(otherwise);
    const { bold } = messageColours();
    const error = step.did.trace.find(({ kind }) => kind === "error");
    const what = step.record || step.timer !== undefined ? placeText(step, this.#recording.run) : "a hook";
    const did = `${counted(step.did.outputs.length, "output")}${error ? `, failed: ${error.subject}` : ""}`;
    printData(`feed ${step.feed}  ${bold(what)}  ${step.value ?? ""}  → ${did}`);
    for (const [key, was] of this.#watched) {
      const is = this.#stepper.state.state.get(key);
      if (is === was) continue;
      this.#watched.set(key, is);
      printData(`  ${key}: ${was ?? "(nothing)"} → ${is ?? "(nothing)"}`);
    }
  }

  #print(name: string, argument: string): void {
    const step = this.#stepper.current();
    const { state, timers } = this.#stepper.state;
    const lines = step && linesOf(name, argument, step, { state, timers });
    if (lines === undefined) return printMessage(HELP);
    for (const line of lines) printData(`  ${line}`);
    if (lines.length === 0) printMessage("  nothing");
  }
}

type Maps = Stepper["state"];

function linesOf(name: string, argument: string, step: Step, { state, timers }: Maps): readonly string[] | undefined {
  switch (name) {
    case "r":
    case "record":
      return [
        `key ${step.key ?? "(none)"}`,
        `value ${step.value ?? "(none)"}`,
        `time ${timeText(step.timeMs)}`,
        ...(step.eventTimeMs === undefined ? [] : [`event time ${timeText(step.eventTimeMs)}`]),
        ...step.reads.map((key) => `read ${key}`),
      ];
    case "s":
    case "state":
      if (argument !== "") return [`${argument} = ${state.get(argument) ?? "(nothing)"}`];
      return [...state].sort(([a], [b]) => a < b ? -1 : 1).map(([key, json]) => `${key} = ${json}`);
    case "o":
    case "outputs":
      return step.did.outputs.map(({ name, key, value }) => `${name}  ${key ?? ""}  ${value ?? "(tombstone)"}`);
    case "e":
    case "effects":
      return step.effects.map(({ name, inputJson, ok, text }) =>
        `${name}(${inputJson}) → ${ok ? text : `error: ${text}`}`
      );
    case "t":
    case "timers":
      return [...timers].sort().map(([key, at]) => `${key} at ${timeText(Number(at))}`);
    default:
      return undefined;
  }
}

/** The user's own expression, over what a step shows. */
function condition(expression: string, stepper: Stepper): (step: Step) => boolean {
  const names = ["value", "key", "offset", "partition", "outputs", "error", "state"];
  const evaluate = new Function(...names, `return (${expression === "" ? "true" : expression});`);
  return ({ value, key, record, did }) => {
    const outputs = did.outputs.map((output) => jsonOrText(output.value));
    const error = did.trace.find(({ kind }) => kind === "error")?.subject;
    const state = (name: string): unknown => jsonOrText(stepper.state.state.get(name) ?? null) ?? undefined;
    return Boolean(evaluate(jsonOrText(value), key, record?.offset, record?.partition, outputs, error, state));
  };
}
