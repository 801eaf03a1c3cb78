/**
 * Text that grows by appending, and whose latest part can be taken back.
 *
 * JavaScript joins texts lazily, as a tree that is walked when the whole is needed. For a megabyte that walk misses the
 * processor's caches and its result is a large object; in pieces it costs half (bench/main.ts, 1 KB records: 12 % of a
 * run).
 */

import { takeAll } from "./take_all.ts";

/** A piece and its tree fit into a cache. */
const PIECE_UNITS = 1 << 15;

/** See the module. */
export class TextBuffer {
  readonly #pieces: string[] = [];
  #piece = "";
  #kept = 0;

  append(text: string): void {
    this.#piece += text;
  }

  /** Keeps what was appended: it can no longer be taken back. */
  keep(): void {
    if (this.#piece.length >= PIECE_UNITS) this.#finishPiece();
    this.#kept = this.#piece.length;
  }

  /** Takes back what was appended since it was last kept; answers it. */
  rollback(): string {
    const undone = this.#piece.slice(this.#kept);
    this.#piece = this.#piece.slice(0, this.#kept);
    return undone;
  }

  /** Takes everything, in pieces; the buffer is empty afterwards. */
  take(): readonly string[] {
    this.#finishPiece();
    this.#kept = 0;
    return takeAll(this.#pieces);
  }

  #finishPiece(): void {
    // Looking at a character makes V8 walk the tree, now, while it is in the cache.
    this.#piece.charCodeAt(0);
    this.#pieces.push(this.#piece);
    this.#piece = "";
  }
}
