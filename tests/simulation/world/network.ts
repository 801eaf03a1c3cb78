/**
 * A network: connections between machines of a world, as `node:net` gives them to clients, with everything that happens
 * to connections: they are slow, they stall, and they break with what is under way on them.
 *
 * What TCP keeps is kept: bytes of a connection arrive once and in order, or not at all. What it does not keep is not:
 * what is written at once may arrive in pieces, and the connection may break between them.
 */

import { Buffer } from "node:buffer";
import net from "node:net";
import { Duplex } from "node:stream";
import { currentMachine, type Machine } from "./world.ts";

/** A connection as a server has it. */
export interface ServerConnection {
  write(bytes: Uint8Array): void;
  /** Cuts it. */
  close(): void;
}

/** What a server does with a connection. */
export interface ConnectionHandler {
  onData(bytes: Uint8Array): void;
  onClose(): void;
}

/** A program that listens at a port. */
export interface Listener {
  readonly machine: Machine;
  /** Undefined while it is down. */
  accept(connection: ServerConnection): ConnectionHandler | undefined;
}

/** How long a packet takes. */
export interface Latency {
  readonly fromMs: number;
  readonly toMs: number;
}

const LATENCY: Latency = { fromMs: 0.05, toMs: 5 };
const REFUSED_MS = 1;
/** How often what is written at once is cut in two, and in three. */
const CUT = 1 / 8;

/** See the module. */
export class Network {
  readonly #listeners = new Map<number, Listener>();
  readonly #links = new Set<Link>();
  latency = LATENCY;

  listen(port: number, listener: Listener): void {
    this.#listeners.set(port, listener);
    listener.machine.onDeath(() => this.cutAll(({ server }) => server === listener.machine));
  }

  connect(machine: Machine, port: number): VirtualSocket {
    const socket = new VirtualSocket();
    const { world } = machine;
    const delayMs = world.chance.skewed(this.latency.fromMs, this.latency.toMs);
    world.schedule(machine, Math.max(REFUSED_MS, delayMs), `connects to ${port}`, () => {
      if (socket.destroyed) return;
      const listener = this.#listeners.get(port);
      const link = listener?.machine.isAlive ? new Link(this, machine, listener.machine, socket) : undefined;
      const handler = link && listener!.machine.run(() => listener!.accept(link.serverEnd));
      if (!handler) return void socket.destroy(errorOf("ECONNREFUSED", `connect ECONNREFUSED 127.0.0.1:${port}`));
      this.#links.add(link);
      machine.onDeath(() => link.cut());
      link.open(handler);
    });
    return socket;
  }

  /** Breaks the connections for which `isMeant`. */
  cutAll(isMeant: (link: LinkEnds) => boolean): void {
    for (const link of [...this.#links]) if (isMeant(link)) link.cut();
  }

  /** The open connections, in the order in which they were opened. */
  get links(): readonly Link[] {
    return [...this.#links];
  }

  forget(link: Link): void {
    this.#links.delete(link);
  }
}

/** Who is at the ends of a connection. */
export interface LinkEnds {
  readonly client: Machine;
  readonly server: Machine;
}

/** One connection. */
export class Link implements LinkEnds {
  readonly client: Machine;
  readonly server: Machine;
  readonly serverEnd: ServerConnection;
  readonly #network: Network;
  readonly #socket: VirtualSocket;
  #handler: ConnectionHandler | undefined;
  #isCut = false;
  #hasEnded = false;
  /** Nothing arrives before these times, in the two directions: bytes do not overtake each other. */
  #toServerMs = 0;
  #toClientMs = 0;

  constructor(network: Network, client: Machine, server: Machine, socket: VirtualSocket) {
    this.client = client;
    this.server = server;
    this.#network = network;
    this.#socket = socket;
    this.serverEnd = { write: (bytes) => this.#answer(bytes), close: () => this.cut() };
    socket.attach(this);
  }

  open(handler: ConnectionHandler): void {
    this.#handler = handler;
    this.#socket.connected();
  }

  send(bytes: Uint8Array): void {
    if (this.#isCut || this.#hasEnded) return;
    const { world } = this.client;
    for (const piece of this.#piecesOf(bytes)) {
      this.#toServerMs = Math.max(this.#toServerMs, world.nowMs + this.#latencyMs());
      world.scheduleAt(this.server, this.#toServerMs, `is sent ${piece.length} bytes`, () => {
        if (!this.#isCut) this.#handler?.onData(piece);
      });
    }
  }

  #answer(bytes: Uint8Array): void {
    if (this.#isCut || this.#hasEnded) return;
    const { world } = this.client;
    for (const piece of this.#piecesOf(bytes)) {
      this.#toClientMs = Math.max(this.#toClientMs, world.nowMs + this.#latencyMs());
      world.scheduleAt(this.client, this.#toClientMs, `is answered ${piece.length} bytes`, () => {
        if (!this.#isCut && !this.#hasEnded) this.#socket.push(Buffer.from(piece.buffer));
      });
    }
  }

  /** Copies, each in a buffer of its own. */
  #piecesOf(bytes: Uint8Array): readonly Uint8Array<ArrayBuffer>[] {
    const { chance } = this.client.world;
    const cuts = [0, bytes.length];
    while (bytes.length > 0 && chance.happens(CUT)) cuts.push(chance.integer(0, bytes.length));
    cuts.sort((a, b) => a - b);
    return cuts.slice(1).map((cut, i) => Uint8Array.from(bytes.subarray(cuts[i], cut))).filter(({ length }) =>
      length > 0
    );
  }

  /** Nothing arrives on it for a while, in either direction. */
  stall(timeMs: number): void {
    const until = this.client.world.nowMs + timeMs;
    this.#toServerMs = Math.max(this.#toServerMs, until);
    this.#toClientMs = Math.max(this.#toClientMs, until);
  }

  /** Both ends learn that it is over; what was under way is lost. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#network.forget(this);
    const { world } = this.client;
    const learnMs = this.#latencyMs();
    world.schedule(this.server, learnMs, "loses a connection", () => this.#handler?.onClose());
    world.schedule(this.client, learnMs, "loses its connection", () => {
      this.#socket.destroy(errorOf("ECONNRESET", "read ECONNRESET"));
    });
  }

  /** The client's end was closed by the client. */
  end(): void {
    if (this.#isCut || this.#hasEnded) return;
    this.#hasEnded = true;
    const { world } = this.client;
    // What was sent before still arrives.
    const atMs = Math.max(this.#toServerMs, world.nowMs) + this.#latencyMs();
    world.scheduleAt(this.server, atMs, "sees a connection closed", () => {
      if (this.#isCut) return;
      this.#isCut = true;
      this.#network.forget(this);
      this.#handler?.onClose();
    });
  }

  #latencyMs(): number {
    const { fromMs, toMs } = this.#network.latency;
    return this.client.world.chance.skewed(fromMs, toMs);
  }
}

/** The client's end of a connection: as much of `net.Socket` as clients use. */
export class VirtualSocket extends Duplex {
  connecting = true;
  readonly remoteAddress = "127.0.0.1";
  #link: Link | undefined;

  attach(link: Link): void {
    this.#link = link;
  }

  connected(): void {
    this.connecting = false;
    this.emit("connect");
    this.emit("ready");
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    if (this.connecting) {
      this.once("connect", () => this._write(chunk, _encoding, done));
      return;
    }
    this.#link?.send(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.#link?.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#link?.end();
    done(error);
  }
}

function errorOf(code: string, message: string): Error {
  return Object.assign(new Error(message), { code, errno: -1, syscall: "read" });
}

const networks = new WeakMap<object, Network>();
let isInstalled = false;

/** Gives the world of `machine` a network. */
export function networkOf({ world }: Machine): Network {
  let network = networks.get(world);
  if (!network) networks.set(world, network = new Network());
  return network;
}

/** Has `net.connect` connect within worlds, once. */
export function installNetwork(): void {
  if (isInstalled) return;
  isInstalled = true;
  const { connect, createConnection } = net;
  const inWorld = (real: typeof connect) => (options: { readonly port: number }, onConnect?: () => void): unknown => {
    const machine = currentMachine();
    if (!machine) return real(options, onConnect);
    const socket = networkOf(machine).connect(machine, Number(options.port));
    if (onConnect) socket.once("connect", onConnect);
    return socket;
  };
  Object.assign(net, { connect: inWorld(connect), createConnection: inWorld(createConnection) });
}
