/**
 * A sandbox in the world's own thread: real cells and their protocol; messages are copied and take a while, as a worker's
 * do. It may die of what it is asked.
 */

import { SandboxHost } from "../../controller/sandbox/host.ts";
import {
  endsWaiting,
  type Envelope,
  type Reply,
  replyBuffers,
  type Request,
} from "../../controller/sandbox/protocol.ts";
import { Sandbox } from "../../controller/sandbox/sandbox.ts";
import { currentMachine, type Machine } from "./world/world.ts";

const MESSAGE_MS = { from: 0.02, to: 3 };
/** A sandbox that dies while a realm is opened ends its run, as it should. */
const DEADLY: ReadonlySet<Request["kind"]> = new Set(["feed", "effects", "copy", "rebirth"]);

/** Starts sandboxes on the machine that asks; `dies` says whether one dies of the next request. */
export function simulatedSandboxes(dies: () => boolean): () => Sandbox {
  const machine = currentMachine()!;
  /** Tasks at whose work a sandbox has died: once more would look like the fault of one of the same records. */
  const suspects = new Set<string>();
  const diesOf = (request: Request, waiting: ReadonlySet<string>): boolean => {
    if (!("task" in request) || !DEADLY.has(request.kind) || suspects.has(request.task) || !dies()) return false;
    // It is put off: nothing works on it yet, and the blame would fall on another task.
    if (waiting.has(request.task)) return false;
    suspects.add(request.task);
    return true;
  };
  return () =>
    new Sandbox("worker", ({ onReply, onDeath }) => {
      const host = new SandboxHost(() => {});
      const ways = { in: new Way(machine, "hands to its sandbox"), out: new Way(machine, "hears of its sandbox") };
      /** Tasks that wait for effects. */
      const waiting = new Set<string>();
      let isDead = false;
      return {
        post: (envelope) => {
          const sent = structuredClone(envelope) as Envelope<Request>;
          ways.in.deliver(() => {
            if (isDead) return;
            const { message: request } = sent;
            if (endsWaiting(request)) waiting.delete(request.task);
            isDead = diesOf(request, waiting);
            if (isDead) return ways.out.deliver(() => onDeath("E_SANDBOX_DIED", "somebody killed it"));
            for (const { id, message } of host.handle(sent)) {
              if (message.kind === "effects" && "task" in request) waiting.add(request.task);
              const reply = structuredClone({ id, message } as Envelope<Reply>, { transfer: replyBuffers(message) });
              ways.out.deliver(() => onReply(reply));
            }
          });
        },
        kill: () => {},
      };
    });
}

/** Messages in one direction do not overtake each other. */
class Way {
  readonly #machine: Machine;
  readonly #what: string;
  #lastMs = 0;

  constructor(machine: Machine, what: string) {
    this.#machine = machine;
    this.#what = what;
  }

  deliver(act: () => void): void {
    const { world } = this.#machine;
    this.#lastMs = Math.max(this.#lastMs, world.nowMs + world.chance.skewed(MESSAGE_MS.from, MESSAGE_MS.to));
    world.schedule(this.#machine, this.#lastMs - world.nowMs, this.#what, act);
  }
}
