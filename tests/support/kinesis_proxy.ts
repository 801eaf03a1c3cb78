/** A proxy before Kinesis that does to requests what networks and AWS do to them now and then. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What becomes of one request. */
export type Fault =
  /** Refused: nothing is done. */
  | { readonly kind: "refuse"; readonly error: string; readonly status: number }
  /** Done, and the answer is lost on its way. */
  | { readonly kind: "lose" }
  | { readonly kind: "delay"; readonly timeMs: number }
  /** PutRecords: every `nth` entry is refused, the others are written. */
  | { readonly kind: "partial"; readonly nth: number }
  /** Done twice, as by a producer that tries again what had worked. */
  | { readonly kind: "repeat" };

/** Decides about the `nth` request (from 0) of an action such as `PutRecords`. */
export type Decide = (action: string, nth: number) => Fault | undefined;

/** See the module. */
export class KinesisProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: string;
  readonly #counts = new Map<string, number>();
  /** How often each kind of fault happened. */
  readonly faults = new Map<string, number>();
  /** Actions whose requests are changed before they are passed on. */
  readonly rewrites = new Map<string, (request: Record<string, unknown>) => Record<string, unknown>>();
  /** Actions whose answers are changed. */
  readonly overrides = new Map<string, (answer: Record<string, unknown>) => Record<string, unknown>>();
  decide: Decide;

  private constructor(target: string, decide: Decide) {
    this.#target = target;
    this.decide = decide;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** A proxy before `target`, an endpoint. */
  static async start(target: string, decide: Decide = () => undefined): Promise<KinesisProxy> {
    const proxy = new KinesisProxy(target, decide);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How many requests of an action came. */
  seen(action: string): number {
    return this.#counts.get(action) ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const headers = new Headers(
      Object.entries(request.headers).map(([name, value]): [string, string] => {
        return [name, String(value)];
      }),
    );
    const answer = await this.#serve(headers, body).catch(() => undefined);
    if (!answer) return void request.socket.destroy();
    const text = await answer.text();
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(text);
  }

  /** Undefined for an answer that is lost, and its connection with it. */
  async #serve(headers: Headers, body: string): Promise<Response | undefined> {
    const action = headers.get("x-amz-target")?.split(".")[1] ?? "";
    const nth = this.seen(action);
    this.#counts.set(action, nth + 1);
    const fault = this.decide(action, nth);
    if (fault) this.faults.set(fault.kind, (this.faults.get(fault.kind) ?? 0) + 1);
    switch (fault?.kind) {
      case undefined:
        return await this.#forward(action, headers, body);
      case "refuse":
        return refusal(fault.error, fault.status);
      case "lose":
        await this.#forward(action, headers, body);
        return undefined;
      case "delay":
        await new Promise((resolve) => setTimeout(resolve, fault.timeMs));
        return await this.#forward(action, headers, body);
      case "repeat":
        await this.#forward(action, headers, body);
        return await this.#forward(action, headers, body);
      case "partial":
        return await this.#forwardSome(headers, body, fault.nth);
      default:
        return fault satisfies never;
    }
  }

  async #forward(action: string, headers: Headers, body: string): Promise<Response> {
    const kept = [...headers].filter(([name]) => !["host", "content-length", "connection"].includes(name));
    const rewrite = this.rewrites.get(action);
    const sent = rewrite ? JSON.stringify(rewrite(JSON.parse(body))) : body;
    const answer = await fetch(this.#target, { method: "POST", headers: kept, body: sent });
    const override = this.overrides.get(action);
    const text = await answer.text();
    const changed = override && answer.ok ? JSON.stringify(override(JSON.parse(text))) : text;
    return new Response(changed, { status: answer.status, headers: { "content-type": "application/x-amz-json-1.1" } });
  }

  async #forwardSome(headers: Headers, body: string, nth: number): Promise<Response> {
    const { Records, ...rest } = JSON.parse(body) as { readonly Records: readonly unknown[] };
    const isRefused = (i: number) => i % nth === nth - 1;
    const passed = Records.filter((_, i) => !isRefused(i));
    const answers = passed.length === 0 ? [] : await this.#put(headers, { ...rest, Records: passed });
    const failure = { ErrorCode: "ProvisionedThroughputExceededException", ErrorMessage: "Rate exceeded for shard" };
    const merged = Records.map((_, i) => isRefused(i) ? failure : answers.shift());
    return Response.json({ FailedRecordCount: Records.length - passed.length, Records: merged });
  }

  async #put(headers: Headers, body: unknown): Promise<unknown[]> {
    const answer = await this.#forward("PutRecords", headers, JSON.stringify(body));
    const text = await answer.text();
    if (!answer.ok) throw new Error(`the emulator refused what was passed on: ${text}`);
    return (JSON.parse(text) as { readonly Records: unknown[] }).Records;
  }
}

function refusal(error: string, status: number): Response {
  return new Response(JSON.stringify({ __type: error, message: `${error}, by the proxy` }), {
    status,
    headers: { "content-type": "application/x-amz-json-1.1", "x-amzn-errortype": error },
  });
}
