/** How requests of AWS's SDK come to a simulated Kinesis: within worlds its handler hands them over, and may lose them. */

import { Readable } from "node:stream";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { type KinesisAddress, listShards, openClient } from "../../../adapters/kinesis/client.ts";
import { currentMachine, type Machine } from "../world/world.ts";
import type { Answered, SimulatedKinesis } from "./simulated_kinesis.ts";

/** What may become of a request. */
export type RequestFault = "lost before" | "lost after" | "twice" | "throttled" | undefined;

/** A service in a world. */
export interface Service {
  readonly machine: Machine;
  /** By name. */
  readonly streams: ReadonlyMap<string, SimulatedKinesis>;
  /** What becomes of the next request. */
  faultOf(action: string): RequestFault;
}

interface HttpRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/**
 * The SDK reads its configuration from files when it is first used: before there are worlds, since no seed decides when a
 * file has been read.
 */
export async function warmUp(address: KinesisAddress): Promise<void> {
  const client = openClient(address);
  const nothing = { handle: () => Promise.reject(new Error("there is no world yet")), destroy: () => {} };
  client.config.requestHandler = nothing as unknown as typeof client.config.requestHandler;
  await listShards(client, address.stream).catch(() => {});
}

const LATENCY_MS = { from: 0.5, to: 30 };
const services = new WeakMap<object, Service>();
const decoder = new TextDecoder();
const encoder = new TextEncoder();
let isInstalled = false;

/** Gives the world of `service` a Kinesis. */
export function serve(service: Service): void {
  services.set(service.machine.world, service);
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
  service: Service,
  { headers, body }: HttpRequest,
): Promise<{ readonly response: unknown }> {
  const { world } = machine;
  const action = (headers["X-Amz-Target"] ?? headers["x-amz-target"]).split(".")[1];
  const request = JSON.parse(typeof body === "string" ? body : decoder.decode(body)) as Record<string, unknown>;
  const latencyMs = (): number => world.chance.skewed(LATENCY_MS.from, LATENCY_MS.to);
  return new Promise((resolve, reject) => {
    const lose = (): void => {
      const reset = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
      world.schedule(machine, latencyMs(), "loses a request", () => reject(reset));
    };
    world.schedule(service.machine, latencyMs(), `is asked for ${action}`, () => {
      const fault = service.faultOf(action);
      if (fault === "lost before") return lose();
      const answered: Answered = fault === "throttled"
        ? { error: "ProvisionedThroughputExceededException", message: "Rate exceeded" }
        : perform(service, action, request);
      if (fault === "twice") perform(service, action, request);
      if (fault === "lost after") return lose();
      world.schedule(machine, latencyMs(), `hears of ${action}`, () => resolve({ response: responseOf(answered) }));
    });
  });
}

/** An iterator names its stream itself. */
function perform({ streams }: Service, action: string, request: Readonly<Record<string, unknown>>): Answered {
  const name = String(request.StreamName ?? String(request.ShardIterator).split(" ")[0]);
  const stream = streams.get(name);
  return stream?.do(action, request) ?? { error: "ResourceNotFoundException", message: `Stream ${name} not found` };
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
