/** A sandbox in the world's own thread: real cells and their protocol; messages are copied and take a while, as a worker's do. */

import { SandboxHost } from "../../controller/sandbox/host.ts";
import { type Envelope, type Reply, replyBuffers, type Request } from "../../controller/sandbox/protocol.ts";
import { Sandbox } from "../../controller/sandbox/sandbox.ts";
import { currentMachine, type Machine } from "./world/world.ts";

const MESSAGE_MS = { from: 0.02, to: 3 };

/** Starts a sandbox on the machine that asks. */
export function startSimulatedSandbox(): Sandbox {
  const machine = currentMachine()!;
  return new Sandbox("worker", ({ onReply }) => {
    const host = new SandboxHost(() => {});
    const ways = { in: new Way(machine, "hands to its sandbox"), out: new Way(machine, "hears of its sandbox") };
    return {
      post: (envelope) => {
        const sent = structuredClone(envelope) as Envelope<Request>;
        ways.in.deliver(() => {
          for (const { id, message } of host.handle(sent)) {
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
