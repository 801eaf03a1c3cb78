/** Entry of a process that runs recorded feeds under a debugger: one job comes in, what each feed did goes out. */

import { Cell } from "../sandbox/cell.ts";
import { readFrames, writeFrame } from "../sandbox/frames.ts";
import { DebugEnclosure } from "./debug_enclosure.ts";
import type { DebugAnswer, DebugJob } from "./debug_job.ts";
import { ProcessHook } from "./process_hook.ts";

const writer = Deno.stdout.writable.getWriter();
const answer = (message: DebugAnswer): Promise<void> => writeFrame(writer, message);
const { setTimeout } = globalThis;
const pause = (timeMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, timeMs));
const turn = (): Promise<void> => pause(0);

for await (const frame of readFrames(Deno.stdin.readable)) {
  await run(frame as DebugJob);
  break;
}
Deno.exit(0);

async function run({ code, sourceMap, options, state, feeds, effects, stop, settleMs }: DebugJob): Promise<void> {
  // Deno 2.9.6 goes on at a debugger's first word, which is not the one that makes it stop at anything.
  await pause(settleMs);
  const hook = new ProcessHook(stop);
  try {
    const cell = new Cell(code, options, new DebugEnclosure(hook, sourceMap));
    cell.open(options);
    for (const part of state) cell.restore(part);
    for (const [i, feed] of feeds.entries()) {
      cell.begin(feed);
      while (await cell.stepInTurns(turn) === "waiting") {
        const answers = new Map(effects[i].map((each) => [each.id, each]));
        cell.deliver(cell.takeRequests().map(({ id }) => answers.get(id) ?? { id, ok: false, text: "not recorded" }));
      }
      await answer({ kind: "fed", fed: cell.takeFed() });
    }
    await answer({ kind: "done", hasStopped: hook.hasStopped });
  } catch (error) {
    await answer({ kind: "failed", message: String((error as Error)?.stack ?? error) });
  }
}
