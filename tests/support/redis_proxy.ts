/** A proxy before a server that loses the reply to a command, once: the server did it, nobody learns so. */

/** See the module. */
export class RedisProxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #target: string;
  readonly #connections = new Set<Deno.Conn>();
  readonly #seen = new Map<string, number>();
  #command = "";
  #doomed = 0;
  /** How many replies were lost. */
  lost = 0;

  private constructor(target: string) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#target = target;
    void this.#accept();
  }

  /** A proxy before the server at `target`. */
  static start(target: string): RedisProxy {
    return new RedisProxy(target);
  }

  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  /** How often a command came. */
  seen(command: string): number {
    return this.#seen.get(command) ?? 0;
  }

  /** The reply to the `nth` request that begins with `command` is lost, and its connection with it. */
  loseReplyTo(command: string, nth: number): void {
    this.#command = command;
    this.#doomed = nth;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
    return Promise.resolve();
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) void this.#serve(client).catch(() => {});
  }

  async #serve(client: Deno.Conn): Promise<void> {
    const [hostname, port] = this.#target.split(":");
    const server = await Deno.connect({ hostname, port: Number(port) });
    this.#connections.add(client).add(server);
    let isDoomed = false;
    const up = async () => {
      for await (const bytes of client.readable) {
        if (this.#isDoomed(bytes)) isDoomed = true;
        await write(server, bytes);
      }
    };
    const down = async () => {
      for await (const bytes of server.readable) {
        if (isDoomed) {
          this.lost++;
          return;
        }
        await write(client, bytes);
      }
    };
    await Promise.race([up(), down()]).catch(() => {});
    for (const connection of [client, server]) {
      this.#connections.delete(connection);
      close(connection);
    }
  }

  /** A request begins with a chunk: its sender awaits the reply before it sends another. */
  #isDoomed(bytes: Uint8Array): boolean {
    const [, command] = /^\*\d+\r\n\$\d+\r\n(\w+)\r\n/.exec(new TextDecoder().decode(bytes.subarray(0, 64))) ?? [];
    if (command === undefined) return false;
    const name = command.toUpperCase();
    this.#seen.set(name, this.seen(name) + 1);
    return name === this.#command && this.seen(name) === this.#doomed;
  }
}

async function write(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}
