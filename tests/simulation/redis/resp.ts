/** RESP from the server's side: commands come in, replies go out (redis.io/docs/latest/develop/reference/protocol-spec). */

/** What a command answers. */
export type Answer = null | number | string | Status | Refusal | readonly Answer[] | ReadonlyMap<string, Answer>;

/** A line that is no value, such as `OK`. */
export class Status {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** An error. */
export class Refusal {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** Text is kept as one char per byte: values come back as the bytes that they were. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** See {@linkcode toBytes}. */
export function fromBytes(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

/** Reads commands from bytes as they arrive. */
export class CommandReader {
  #text = "";

  /** The commands that are whole by now. */
  *take(bytes: Uint8Array): Generator<readonly string[]> {
    this.#text += fromBytes(bytes);
    for (let command = this.#next(); command !== undefined; command = this.#next()) yield command;
  }

  #next(): readonly string[] | undefined {
    const head = /^\*(\d+)\r\n/.exec(this.#text);
    if (!head) return undefined;
    let at = head[0].length;
    const words: string[] = [];
    for (let left = Number(head[1]); left > 0; left--) {
      const end = this.#text.indexOf("\r\n", at);
      if (end < 0) return undefined;
      const length = Number(this.#text.slice(at + 1, end));
      if (this.#text.length < end + 2 + length + 2) return undefined;
      words.push(this.#text.slice(end + 2, end + 2 + length));
      at = end + 2 + length + 2;
    }
    this.#text = this.#text.slice(at);
    return words;
  }
}

/** An answer's bytes, as text. */
export function encodeAnswer(answer: Answer, protocol: 2 | 3): string {
  const encode = (each: Answer): string => encodeAnswer(each, protocol);
  if (answer === null) return protocol === 3 ? "_\r\n" : "$-1\r\n";
  if (typeof answer === "number") return `:${answer}\r\n`;
  if (typeof answer === "string") return `$${answer.length}\r\n${answer}\r\n`;
  if (answer instanceof Status) return `+${answer.text}\r\n`;
  if (answer instanceof Refusal) return `-${answer.message}\r\n`;
  if (!(answer instanceof Map)) {
    const list = answer as readonly Answer[];
    return `*${list.length}\r\n${list.map(encode).join("")}`;
  }
  const map = answer as ReadonlyMap<string, Answer>;
  const body = [...map].map(([key, value]) => encode(key) + encode(value)).join("");
  return protocol === 3 ? `%${map.size}\r\n${body}` : `*${2 * map.size}\r\n${body}`;
}
