/** How requests of AWS's SDK come to simulated services: within worlds its handler hands them over, and may lose them. */

import { Readable } from "node:stream";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { currentMachine, type Machine } from "../world/world.ts";

/** What an action answers: a body, or an error's name. */
export type Answered = { readonly body: Readonly<Record<string, unknown>> } | {
  readonly error: string;
  readonly message: string;
};

/** What may become of a request. One that is late is done long after its sender has given it up. */
export type RequestFault = "lost before" | "lost after" | "late" | "twice" | "throttled" | undefined;

/** A service in a world. */
export interface Service {
  readonly machine: Machine;
  /** How its requests are told from others: what stands before the action in their target. */
  readonly target: string;
  /** Does an action. */
  do(action: string, request: Readonly<Record<string, unknown>>): Answered;
  /** What becomes of the next request. */
  faultOf(action: string): RequestFault;
}

interface HttpRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** An endpoint where nobody listens. */
export const NOWHERE = "http://127.0.0.1:1";

const LATENCY_MS = { from: 0.5, to: 30 };
const LATE_MS = { from: 100, to: 60_000 };
const services = new WeakMap<object, Map<string, Service>>();
const decoder = new TextDecoder();
const encoder = new TextEncoder();
let isInstalled = false;

/** Gives the world of `service` that service. */
export function serve(service: Service): void {
  const { machine: { world }, target } = service;
  if (!services.has(world)) services.set(world, new Map());
  services.get(world)!.set(target, service);
  if (isInstalled) return;
  isInstalled = true;
  const { handle } = NodeHttpHandler.prototype;
  NodeHttpHandler.prototype.handle = function (this: NodeHttpHandler, ...args) {
    const machine = currentMachine();
    const known = machine && services.get(machine.world);
    if (!known) return handle.apply(this, args);
    return exchange(machine, known, args[0] as unknown as HttpRequest) as unknown as ReturnType<typeof handle>;
  };
}

function exchange(
  machine: Machine,
  known: ReadonlyMap<string, Service>,
  { headers, body }: HttpRequest,
): Promise<{ readonly response: unknown }> {
  const { world } = machine;
  const [target, action] = (headers["X-Amz-Target"] ?? headers["x-amz-target"]).split(".");
  const service = known.get(target)!;
  const request = JSON.parse(typeof body === "string" ? body : decoder.decode(body)) as Record<string, unknown>;
  const latencyMs = (): number => world.chance.skewed(LATENCY_MS.from, LATENCY_MS.to);
  return new Promise((resolve, reject) => {
    const lose = (): void => {
      const reset = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
      world.schedule(machine, latencyMs(), "loses a request", () => reject(reset));
    };
    // Who is dead sends nothing, though what it was doing goes on to the next await.
    if (!machine.isAlive) return;
    const perform = (): Answered => service.do(action, request);
    world.schedule(service.machine, latencyMs(), `is asked for ${action}`, () => {
      const fault = service.faultOf(action);
      if (fault === "late") {
        const delayMs = world.chance.skewed(LATE_MS.from, LATE_MS.to);
        world.schedule(service.machine, delayMs, `does a late ${action}`, perform);
      }
      if (fault === "lost before" || fault === "late") return lose();
      const answered: Answered = fault === "throttled"
        ? { error: "ProvisionedThroughputExceededException", message: "Rate exceeded" }
        : perform();
      if (fault === "twice") perform();
      if (fault === "lost after") return lose();
      world.schedule(machine, latencyMs(), `hears of ${action}`, () => resolve({ response: responseOf(answered) }));
    });
  });
}

function responseOf(answered: Answered): unknown {
  const isError = "error" in answered;
  const body = isError ? { __type: answered.error, message: answered.message } : answered.body;
  return {
    statusCode: isError ? 400 : 200,
    headers: { "content-type": "application/x-amz-json-1.1" },
    body: Readable.from([encoder.encode(JSON.stringify(body))]),
  };
}
