/** A client of the V8 inspector: commands and events over a WebSocket (Chrome DevTools Protocol). */

/** What an event carries. */
export type InspectorEvent = { readonly method: string; readonly params: Readonly<Record<string, unknown>> };

interface Answer {
  readonly id?: number;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

interface Open {
  readonly resolve: (result: Readonly<Record<string, unknown>>) => void;
  readonly reject: (error: Error) => void;
}

/** What commands hear that are not answered any more. */
export const PROCESS_ENDED = "the debugged process has ended";

/** See the module. */
export class Inspector {
  readonly #socket: WebSocket;
  readonly #open = new Map<number, Open>();
  readonly #onEvent: (event: InspectorEvent) => void;
  #nextId = 1;

  private constructor(socket: WebSocket, onEvent: (event: InspectorEvent) => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)) as Answer);
    socket.onclose = () => {
      for (const { reject } of this.#open.values()) reject(new Error(PROCESS_ENDED));
    };
  }

  /** Connects to the inspector at `url`. */
  static async connect(url: string, onEvent: (event: InspectorEvent) => void): Promise<Inspector> {
    const socket = new WebSocket(url);
    const inspector = new Inspector(socket, onEvent);
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = () => reject(new Error(`Cannot reach the inspector at ${url}`));
    });
    return inspector;
  }

  /** Sends a command; resolves with its result. */
  send(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<Readonly<Record<string, unknown>>> {
    const id = this.#nextId++;
    const answered = new Promise<Readonly<Record<string, unknown>>>((resolve, reject) => {
      this.#open.set(id, { resolve, reject });
    });
    this.#socket.send(JSON.stringify({ id, method, params }));
    return answered;
  }

  close(): void {
    this.#socket.close();
  }

  #take({ id, result, error, method, params }: Answer): void {
    if (id === undefined) return this.#onEvent({ method: method!, params: params ?? {} });
    const open = this.#open.get(id);
    this.#open.delete(id);
    if (error) open?.reject(new Error(error.message));
    else open?.resolve(result ?? {});
  }
}
