/**
 * A proxy before a broker that loses the answer to a request of a kind, whole or from its middle on: the broker did it,
 * nobody learns so.
 */

/** The kinds of requests that a run makes, by their numbers (kafka.apache.org/protocol#protocol_api_keys). */
export const REQUEST_KINDS = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  FindCoordinator: 10,
  InitProducerId: 22,
  AddPartitionsToTxn: 24,
  AddOffsetsToTxn: 25,
  EndTxn: 26,
  TxnOffsetCommit: 28,
} as const;

/** See {@linkcode REQUEST_KINDS}. */
export type RequestKind = keyof typeof REQUEST_KINDS;

/** See the module. */
export class KafkaProxy {
  readonly #listener: Deno.Listener;
  readonly #target: string;
  readonly #connections = new Set<Deno.Conn>();
  #kind = -1;
  #doomed: readonly number[] = [];
  /** The share of a lost answer that arrives. */
  #share = 0;
  #seen = 0;
  /** Connections through which nothing comes any more. */
  readonly #forgotten = new Set<Deno.Conn>();
  #forgets = false;
  /** How many answers were lost. */
  lost = 0;

  private constructor(port: number, target: string) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.#target = target;
    void this.#accept();
  }

  /** A proxy at `port`, before the broker at `target`. */
  static start(port: number, target: string): KafkaProxy {
    return new KafkaProxy(port, target);
  }

  /** Loses the answers to those requests of `kind` whose numbers, counted from 0, are in `doomed`; all but a `share`. */
  lose(kind: RequestKind, doomed: readonly number[], share = 0): void {
    this.#kind = REQUEST_KINDS[kind];
    this.#doomed = doomed;
    this.#share = share;
    this.#seen = 0;
    this.lost = 0;
  }

  /**
   * From the first request of `kind` on, nothing comes through its connection any more, and neither end learns of it: as
   * where an address translation has forgotten a connection. New ones are not concerned.
   */
  forget(kind: RequestKind): void {
    this.#kind = REQUEST_KINDS[kind];
    this.#doomed = [];
    this.#forgets = true;
  }

  close(): void {
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      const [hostname, port] = this.#target.split(":");
      const broker = await Deno.connect({ hostname, port: Number(port) }).catch(() => undefined);
      if (!broker) {
        close(client);
        continue;
      }
      for (const connection of [client, broker]) this.#connections.add(connection);
      const doomed = new Set<number>();
      void this.#forward(client, broker, (frame) => {
        const [kind, correlationId] = [frame.getInt16(0), frame.getInt32(4)];
        if (kind === this.#kind && this.#forgets) {
          this.#forgets = false;
          for (const connection of [client, broker]) this.#forgotten.add(connection);
        }
        if (kind === this.#kind && this.#doomed.includes(this.#seen++)) doomed.add(correlationId);
        return 1;
      });
      void this.#forward(broker, client, (frame) => {
        if (!doomed.has(frame.getInt32(0))) return 1;
        this.lost++;
        return this.#share;
      });
    }
  }

  /** Hands frames on; closes both ends behind one that is not to pass as a whole. */
  async #forward(from: Deno.Conn, to: Deno.Conn, shareOf: (frame: DataView) => number): Promise<void> {
    try {
      for await (const frame of framesOf(from)) {
        const share = shareOf(new DataView(frame.buffer, frame.byteOffset + 4, frame.byteLength - 4));
        if (this.#forgotten.has(from)) continue;
        const end = Math.floor(share * frame.length);
        for (let at = 0; at < end;) at += await to.write(frame.subarray(at, end));
        if (share < 1) break;
      }
    } catch {
      // One end is gone; so goes the other.
    }
    for (const connection of [from, to]) {
      this.#connections.delete(connection);
      close(connection);
    }
  }
}

async function* framesOf(connection: Deno.Conn): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let buffered = new Uint8Array(0);
  for await (const chunk of connection.readable.values({ preventCancel: true })) {
    const joined = new Uint8Array(buffered.length + chunk.length);
    joined.set(buffered);
    joined.set(chunk, buffered.length);
    buffered = joined;
    while (buffered.length >= 4) {
      const size = 4 + new DataView(buffered.buffer, buffered.byteOffset).getInt32(0);
      if (buffered.length < size) break;
      yield buffered.slice(0, size);
      buffered = buffered.subarray(size);
    }
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It was closed from the other side.
  }
}
