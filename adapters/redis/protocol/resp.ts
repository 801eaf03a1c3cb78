/**
 * RESP3 for bulk data: commands are framed once, into one buffer; replies stay the bytes that came over the wire until
 * somebody looks into them. A reply is never trusted: what is no RESP throws a {@linkcode ReplyError}.
 *
 * Source: redis.io/docs/latest/develop/reference/protocol-spec
 */

const CARRIAGE_RETURN = 13;
const CRLF_BYTES = 2;
const ZERO = 48;
const NINE = 57;
const MINUS = 45;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const TYPE = {
  text: 43,
  error: 45,
  integer: 58,
  bulk: 36,
  array: 42,
  null: 95,
  boolean: 35,
  double: 44,
  bigNumber: 40,
  bulkError: 33,
  verbatim: 61,
  map: 37,
  set: 126,
  push: 62,
  attributes: 124,
} as const;

/** Bytes that are no reply. */
export class ReplyError extends Error {
  override readonly name = "ReplyError";
  readonly code = "E_REDIS_REPLY";

  /** `reason` ends the sentence "Cannot read the server's reply: …". */
  constructor(reason: string) {
    super(`Cannot read the server's reply: ${reason}`);
  }
}

/** The server refused a command. */
export class RedisError extends Error {
  override readonly name = "RedisError";
  /** The first word of what it said, such as `WRONGTYPE`. */
  readonly code: string;

  constructor(message: string) {
    super(message);
    this.code = message.split(" ", 1)[0];
  }
}

/** A word of a command. */
export type Word = string | number | bigint | Uint8Array;

/** Commands as the server reads them: arrays of bulk strings, one after the other. */
export function encodeCommands(commands: readonly (readonly Word[])[]): Uint8Array<ArrayBuffer> {
  return joined(commands.map((words) => encodeWords(words, words.length)));
}

/** The beginning of a command that has `count` words in all. */
export function encodeWords(words: readonly Word[], count: number): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [encoder.encode(`*${count}\r\n`)];
  for (const word of words) {
    const bytes = word instanceof Uint8Array ? word : encoder.encode(String(word));
    parts.push(encoder.encode(`$${bytes.length}\r\n`), bytes, encoder.encode("\r\n"));
  }
  return joined(parts);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Finds where replies end, head by head; goes on where it stopped when more has come. */
export class ReplyScanner {
  #at: number;
  #pending: number;

  /** @param replies how many are awaited from `at` on */
  constructor(replies: number, at = 0) {
    this.#pending = replies;
    this.#at = at;
  }

  /** Behind what was found to be whole. */
  get at(): number {
    return this.#at;
  }

  /**
   * Whether all replies are within `bytes[0, end)`.
   *
   * @throws {ReplyError} when there is something else
   */
  scan(bytes: Uint8Array, end: number): boolean {
    while (this.#pending > 0) {
      const lineEnd = findLineEnd(bytes, this.#at, end);
      if (lineEnd < 0) return false;
      const type = bytes[this.#at];
      const body = lineEnd + CRLF_BYTES + bodyBytes(type, bytes, this.#at, lineEnd);
      if (body > end) return false;
      this.#pending += children(type, bytes, this.#at, lineEnd) - (type === TYPE.attributes ? 0 : 1);
      this.#at = body;
    }
    return true;
  }
}

/** Heads are short: a loop finds their end without making a view of the bytes. */
function findLineEnd(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && bytes[at] !== CARRIAGE_RETURN) at++;
  // The line feed has to be there as well.
  return at + 1 >= end ? -1 : at;
}

/** Bytes behind the head, with their own line end. */
function bodyBytes(type: number, bytes: Uint8Array, at: number, lineEnd: number): number {
  if (type !== TYPE.bulk && type !== TYPE.verbatim && type !== TYPE.bulkError) return 0;
  const length = countAt(bytes, at, lineEnd);
  return length < 0 ? 0 : length + CRLF_BYTES;
}

/** Replies within a reply. */
function children(type: number, bytes: Uint8Array, at: number, lineEnd: number): number {
  switch (type) {
    case TYPE.bulk:
      return 0;
    case TYPE.array:
    case TYPE.set:
    case TYPE.push:
      return Math.max(0, countAt(bytes, at, lineEnd));
    case TYPE.map:
    case TYPE.attributes:
      return 2 * Math.max(0, countAt(bytes, at, lineEnd));
    default:
      if (!Object.values<number>(TYPE).includes(type)) throw new ReplyError(`its type is ${describe(type)}`);
      return 0;
  }
}

/** The number in a head; -1 is a null of RESP2. */
function countAt(bytes: Uint8Array, at: number, lineEnd: number): number {
  if (lineEnd === at + 3 && bytes[at + 1] === MINUS && bytes[at + 2] === ZERO + 1) return -1;
  let count = 0;
  for (let digit = at + 1; digit < lineEnd; digit++) {
    if (bytes[digit] < ZERO || bytes[digit] > NINE) throw new ReplyError("a length is no number");
    count = count * 10 + bytes[digit] - ZERO;
  }
  if (lineEnd === at + 1 || count > Number.MAX_SAFE_INTEGER) throw new ReplyError("a length is no number");
  return count;
}

function describe(type: number): string {
  return JSON.stringify(String.fromCharCode(type));
}

/** A reply as values; an error within it stays a value, maps are lists of keys and values in turn. */
export type Reply = string | number | boolean | null | RedisError | readonly Reply[];

/** A cursor over replies that a {@linkcode ReplyScanner} found to be whole. */
export class ReplyReader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** The next reply as values: for small ones. */
  next(): Reply {
    const type = this.#bytes[this.at];
    const line = this.#line();
    switch (type) {
      case TYPE.text:
      case TYPE.bigNumber:
        return line;
      case TYPE.integer:
      case TYPE.double:
        return Number(line);
      case TYPE.boolean:
        return line === "t";
      case TYPE.null:
        return null;
      case TYPE.error:
        return new RedisError(line);
      case TYPE.bulkError:
        return new RedisError(this.#text(Number(line)));
      case TYPE.bulk:
        return line === "-1" ? null : this.#text(Number(line));
      case TYPE.verbatim:
        // Three letters say what kind of text it is.
        return this.#text(Number(line)).slice(4);
      case TYPE.attributes:
        this.#items(2 * Number(line));
        return this.next();
      case TYPE.map:
        return this.#items(2 * Number(line));
      case TYPE.array:
      case TYPE.set:
      case TYPE.push:
        return line === "-1" ? null : this.#items(Number(line));
      default:
        throw new ReplyError(`its type is ${describe(type)}`);
    }
  }

  /** Enters an array, a set, a push or a map; answers how many replies it has. */
  enter(): number {
    const type = this.#bytes[this.at];
    if (type === TYPE.error || type === TYPE.bulkError) throw this.next();
    const count = this.#count();
    if (type === TYPE.map) return 2 * count;
    if (type === TYPE.array || type === TYPE.set || type === TYPE.push) return Math.max(0, count);
    throw new ReplyError(`its type is ${describe(type)}, a list is wanted`);
  }

  /** Passes over a bulk string; answers its length. It begins `length + 2` bytes before `at`. */
  bulk(): number {
    if (this.#bytes[this.at] !== TYPE.bulk) throw new ReplyError("a field is no bulk string");
    const length = Math.max(0, this.#count());
    this.at += length + CRLF_BYTES;
    return length;
  }

  /** Whether the bulk string that was passed over last, of `length` bytes, is `text`. */
  passed(length: number, text: Uint8Array): boolean {
    if (length !== text.length) return false;
    const start = this.at - CRLF_BYTES - length;
    for (let i = 0; i < length; i++) if (this.#bytes[start + i] !== text[i]) return false;
    return true;
  }

  #count(): number {
    const end = findLineEnd(this.#bytes, this.at, this.#bytes.length);
    if (end < 0) throw new ReplyError("it ends too early");
    const count = countAt(this.#bytes, this.at, end);
    this.at = end + CRLF_BYTES;
    return count;
  }

  #line(): string {
    const end = findLineEnd(this.#bytes, this.at, this.#bytes.length);
    if (end < 0) throw new ReplyError("it ends too early");
    const line = decoder.decode(this.#bytes.subarray(this.at + 1, end));
    this.at = end + CRLF_BYTES;
    return line;
  }

  #text(length: number): string {
    const text = decoder.decode(this.#bytes.subarray(this.at, this.at + length));
    this.at += length + CRLF_BYTES;
    return text;
  }

  #items(count: number): Reply[] {
    return Array.from({ length: count }, () => this.next());
  }
}
