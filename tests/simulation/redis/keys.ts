/** The keys of a server: streams and hashes, as values that can be kept and gone back to. */

/** One entry of a stream. */
export interface Entry {
  readonly ms: number;
  readonly seq: number;
  /** Names and values in turn. */
  readonly fields: readonly string[];
}

/** A stream at one moment. */
export interface StreamValue {
  readonly type: "stream";
  readonly entries: readonly Entry[];
  readonly last: Pick<Entry, "ms" | "seq">;
  readonly added: number;
}

/** A hash at one moment. */
export interface HashValue {
  readonly type: "hash";
  readonly fields: ReadonlyMap<string, string>;
}

/** What a key holds. */
export type Value = StreamValue | HashValue;

/** All keys at one moment. */
export type Keys = ReadonlyMap<string, Value>;

/** A server's keys, now and some time back. */
export class KeySpace {
  #keys = new Map<string, Value>();
  #history: { readonly atMs: number; readonly keys: Keys }[] = [];

  get(key: string): Value | undefined {
    return this.#keys.get(key);
  }

  names(): readonly string[] {
    return [...this.#keys.keys()];
  }

  set(key: string, value: Value): void {
    this.#keys.set(key, value);
  }

  /** Notes what is there at `nowMs`; what is older than `keepMs` is forgotten, but for the last of it. */
  remember(nowMs: number, keepMs: number): void {
    this.#history.push({ atMs: nowMs, keys: new Map(this.#keys) });
    while (this.#history.length > 1 && this.#history[1].atMs < nowMs - keepMs) this.#history.shift();
  }

  /** Goes back to what was there at `atMs`, as a server does that lost what came after. */
  rewind(atMs: number): boolean {
    const before = this.#history.findLast((each) => each.atMs <= atMs);
    if (!before || before === this.#history.at(-1)) return false;
    this.#keys = new Map(before.keys);
    this.#history = this.#history.filter(({ atMs: at }) => at <= before.atMs);
    return true;
  }
}

/** `ms-seq`. */
export function idText({ ms, seq }: Pick<Entry, "ms" | "seq">): string {
  return `${ms}-${seq}`;
}

/** Before, at or behind. */
export function compareIds(a: Pick<Entry, "ms" | "seq">, b: Pick<Entry, "ms" | "seq">): number {
  return a.ms - b.ms || a.seq - b.seq;
}

/** An id as it is written in a command. */
export function parseId(text: string, missingSeq = 0): Pick<Entry, "ms" | "seq"> {
  if (text === "-") return { ms: 0, seq: 0 };
  if (text === "+") return { ms: Infinity, seq: Infinity };
  const [ms, seq] = text.split("-");
  return { ms: Number(ms), seq: seq === undefined ? missingSeq : Number(seq) };
}
