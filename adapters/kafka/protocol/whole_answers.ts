/**
 * Answers out of the pieces in which a socket brings them, each handed on when it is whole.
 *
 * kafkajs 2.2.4 puts them together itself, in its connection, which it opens again when it was closed: what had arrived of
 * an answer when a socket was cut would stand before all that the next one brings, and nothing would be read right from
 * there on. Here it goes with its socket.
 */

import { Buffer } from "node:buffer";
import type net from "node:net";
import { WireError } from "./wire.ts";

/** Bytes of the size that is before each answer, and not counted by it. */
const PREFIX = 4;
/** No broker answers with more: larger batches than this it does not take. */
const ANSWER_BYTES_MAX = 1 << 30;

/** Makes `socket` bring whole answers, whatever pieces they come in. */
export function bringWholeAnswers(socket: net.Socket): net.Socket {
  const on = socket.on.bind(socket) as (event: string, listener: (...args: never[]) => void) => net.Socket;
  const onWhole = (event: string, listener: (...args: never[]) => void): net.Socket => {
    if (event !== "data") return on(event, listener);
    const answers = new WholeAnswers(listener as (answer: Buffer) => void);
    return on(event, (piece: Buffer) => {
      try {
        answers.add(piece);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
  };
  return Object.assign(socket, { on: onWhole });
}

/** See the module. */
export class WholeAnswers {
  readonly #onAnswer: (answer: Buffer) => void;
  /** What has arrived of the next one's size. */
  readonly #prefix = Buffer.alloc(PREFIX);
  #prefixLength = 0;
  /** The next answer, as far as it has arrived. */
  #answer: Buffer | undefined;
  #length = 0;

  /** @param onAnswer gets each answer, its size before it; a view of a piece, or a buffer of its own */
  constructor(onAnswer: (answer: Buffer) => void) {
    this.#onAnswer = onAnswer;
  }

  /**
   * Adds what has arrived; gives its memory back when nobody looks into it any more.
   *
   * @throws {WireError} when an answer cannot be as long as it says
   */
  add(piece: Buffer): void {
    let at = 0;
    let isCopied = true;
    while (at < piece.length) {
      if (this.#answer) {
        at += this.#fill(piece, at);
      } else if (this.#prefixLength > 0 || piece.length - at < PREFIX) {
        this.#prefix[this.#prefixLength++] = piece[at++];
        if (this.#prefixLength === PREFIX) this.#begin();
      } else {
        const end = at + PREFIX + sizeAt(piece, at);
        if (end > piece.length) {
          this.#prefix.set(piece.subarray(at, at += PREFIX));
          this.#begin();
        } else {
          isCopied = false;
          this.#onAnswer(piece.subarray(at, end));
          at = end;
        }
      }
    }
    if (isCopied) release(piece);
  }

  #begin(): void {
    this.#prefixLength = 0;
    this.#answer = Buffer.from(new ArrayBuffer(PREFIX + sizeAt(this.#prefix, 0)));
    this.#answer.set(this.#prefix);
    this.#length = PREFIX;
    this.#finish();
  }

  #fill(piece: Buffer, at: number): number {
    const answer = this.#answer!;
    const part = piece.subarray(at, at + answer.length - this.#length);
    answer.set(part, this.#length);
    this.#length += part.length;
    this.#finish();
    return part.length;
  }

  #finish(): void {
    const answer = this.#answer!;
    if (this.#length < answer.length) return;
    this.#answer = undefined;
    this.#onAnswer(answer);
  }
}

function sizeAt(bytes: Buffer, at: number): number {
  const size = bytes.readInt32BE(at);
  if (size >= 0 && size <= ANSWER_BYTES_MAX) return size;
  throw new WireError(`it says that it has ${size} bytes`);
}

/** The collector would find it late: it lies outside of V8's heap. */
function release({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
