/** A debugger for tests: attaches to what `sluice replay --inspect` announces, waits for pauses, steps, evaluates. */

import { Inspector, PROCESS_ENDED } from "../../controller/debug/inspector.ts";
import { SourcePositions } from "../../controller/sandbox/source_positions.ts";

/** A place where the debugged process stands. */
export interface Pause {
  readonly callFrames: readonly {
    readonly callFrameId: string;
    readonly functionName: string;
    readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber: number };
  }[];
}

interface Script {
  readonly url?: string;
  readonly sourceMapURL?: string;
}

/** See the module. */
export class TestDebugger {
  readonly #inspector: Inspector;
  readonly #pauses: Pause[];
  readonly #waiting: ((pause: Pause) => void)[];
  readonly #scripts: Map<string, Script>;

  private constructor(
    inspector: Inspector,
    pauses: Pause[],
    waiting: ((pause: Pause) => void)[],
    scripts: Map<string, Script>,
  ) {
    this.#inspector = inspector;
    this.#pauses = pauses;
    this.#waiting = waiting;
    this.#scripts = scripts;
  }

  /** Attaches and lets the process run. */
  static async attach(url: string): Promise<TestDebugger> {
    const pauses: Pause[] = [];
    const waiting: ((pause: Pause) => void)[] = [];
    const scripts = new Map<string, Script>();
    const inspector = await Inspector.connect(url, ({ method, params }) => {
      if (method === "Debugger.scriptParsed") scripts.set(String(params.scriptId), params as unknown as Script);
      if (method !== "Debugger.paused") return;
      const next = waiting.shift();
      if (next) next(params as unknown as Pause);
      else pauses.push(params as unknown as Pause);
    });
    await inspector.send("Runtime.enable");
    await inspector.send("Debugger.enable");
    await inspector.send("Runtime.runIfWaitingForDebugger");
    return new TestDebugger(inspector, pauses, waiting, scripts);
  }

  paused(): Promise<Pause> {
    const pause = this.#pauses.shift();
    return pause ? Promise.resolve(pause) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  async stepInto(): Promise<Pause> {
    await this.#inspector.send("Debugger.stepInto");
    return await this.paused();
  }

  async evaluate({ callFrames: [{ callFrameId }] }: Pause, expression: string): Promise<unknown> {
    const options = { callFrameId, expression, returnByValue: true };
    const { result } = await this.#inspector.send("Debugger.evaluateOnCallFrame", options);
    return (result as { value?: unknown }).value;
  }

  /** Where the top frame is in the user's own file, as the debugger finds it: by the source map of the script. */
  sourceOf({ callFrames: [{ location }] }: Pause): string {
    const { url = "", sourceMapURL = "" } = this.#scripts.get(location.scriptId) ?? {};
    const base64 = /^data:application\/json;base64,(.*)$/.exec(sourceMapURL)?.[1];
    if (base64 === undefined) return url;
    const positions = new SourcePositions(new TextDecoder().decode(Uint8Array.fromBase64(base64)));
    const found = positions.find(location.lineNumber + 1, location.columnNumber);
    return found ? `${found.file.split("/").at(-1)}:${found.line}` : url;
  }

  /** Lets it go on. It may have come to its end before its answer to that is sent. */
  async resume(): Promise<void> {
    await this.#inspector.send("Debugger.resume").catch((error: Error) => {
      if (error.message !== PROCESS_ENDED) throw error;
    });
    this.#inspector.close();
  }
}

/** The inspector's URL in what a command says; the rest of what it says goes to `rest`. */
export async function inspectorUrl(
  stderr: ReadableStream<Uint8Array>,
): Promise<{ url: string; rest: Promise<string> }> {
  const reader = stderr.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`no inspector was announced: ${text}`);
    text += value;
    const [url] = /ws:\/\/\S+/.exec(text) ?? [];
    if (url !== undefined) return { url, rest: readRest(reader) };
  }
}

async function readRest(reader: ReadableStreamDefaultReader<string>): Promise<string> {
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return text;
    text += value;
  }
}
