/** Web APIs that libraries take for granted, written for the realm: no object of the host may come in. */

import { setMethod } from "./intrinsics.ts";

/** Gives the realm what it lacks and can have. */
export function installWeb(): void {
  setMethod(globalThis, "TextEncoder", Utf8Encoder);
  setMethod(globalThis, "TextDecoder", Utf8Decoder);
}

class Utf8Encoder {
  get encoding(): string {
    return "utf-8";
  }

  encode(text = ""): Uint8Array {
    const bytes: number[] = [];
    for (const character of String(text)) pushUtf8(bytes, toScalar(character.codePointAt(0)!));
    return Uint8Array.from(bytes);
  }
}

function toScalar(point: number): number {
  return point >= 0xd800 && point <= 0xdfff ? 0xfffd : point;
}

function pushUtf8(bytes: number[], point: number): void {
  if (point < 0x80) bytes.push(point);
  else if (point < 0x800) bytes.push(0xc0 | point >> 6, 0x80 | point & 63);
  else if (point < 0x10000) bytes.push(0xe0 | point >> 12, 0x80 | point >> 6 & 63, 0x80 | point & 63);
  else bytes.push(0xf0 | point >> 18, 0x80 | point >> 12 & 63, 0x80 | point >> 6 & 63, 0x80 | point & 63);
}

const LABELS = ["utf-8", "utf8", "unicode-1-1-utf-8"];

class Utf8Decoder {
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;

  constructor(label = "utf-8", options: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    if (!LABELS.includes(String(label).trim().toLowerCase())) {
      throw new RangeError(`Cannot decode ${label}: in a processor TextDecoder knows utf-8 only`);
    }
    this.fatal = options.fatal === true;
    this.ignoreBOM = options.ignoreBOM === true;
  }

  get encoding(): string {
    return "utf-8";
  }

  decode(input?: ArrayBuffer | ArrayBufferView): string {
    if (input === undefined) return "";
    const bytes = input instanceof ArrayBuffer
      ? new Uint8Array(input)
      : new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    let text = "";
    for (let at = 0; at < bytes.length;) {
      const { point, length } = readUtf8(bytes, at);
      if (point < 0 && this.fatal) throw new TypeError("Cannot decode bytes: they are not valid UTF-8");
      text += String.fromCodePoint(point < 0 ? 0xfffd : point);
      at += length;
    }
    return !this.ignoreBOM && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }
}

/** The code point at `at`, or -1 and the length of the longest invalid prefix (WHATWG Encoding, UTF-8 decoder). */
function readUtf8(bytes: Uint8Array, at: number): { readonly point: number; readonly length: number } {
  const first = bytes[at];
  if (first < 0x80) return { point: first, length: 1 };
  const size = first >= 0xc2 && first <= 0xdf
    ? 2
    : first >= 0xe0 && first <= 0xef
    ? 3
    : first >= 0xf0 && first <= 0xf4
    ? 4
    : 0;
  if (size === 0) return { point: -1, length: 1 };
  let point = first & (0xff >> size + 1);
  for (let i = 1; i < size; i++) {
    const next = bytes[at + i];
    const lowest = i > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const highest = i > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (next === undefined || next < lowest || next > highest) return { point: -1, length: i };
    point = point << 6 | next & 63;
  }
  return { point, length: size };
}
