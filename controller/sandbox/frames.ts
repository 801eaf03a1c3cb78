/** Messages over a pipe: four bytes of length (little endian), then the structured clone of the message. */

import { deserialize, serialize } from "node:v8";

/** Writes one message. */
export async function writeFrame(writer: WritableStreamDefaultWriter<Uint8Array>, message: unknown): Promise<void> {
  const body = serialize(message);
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, body.length, true);
  await Promise.all([writer.write(head), writer.write(body)]);
}

/** The messages that arrive. */
export async function* readFrames(stream: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  const chunks: Uint8Array[] = [];
  let available = 0;
  let wanted = 4;
  let isHead = true;
  for await (const chunk of stream) {
    chunks.push(chunk);
    available += chunk.length;
    while (available >= wanted) {
      const bytes = take(chunks, wanted);
      available -= wanted;
      if (!isHead) yield deserialize(bytes);
      wanted = isHead ? new DataView(bytes.buffer).getUint32(0, true) : 4;
      isHead = !isHead;
    }
  }
}

function take(chunks: Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const taken = new Uint8Array(size);
  let at = 0;
  while (at < size) {
    const [chunk] = chunks;
    const part = chunk.subarray(0, size - at);
    taken.set(part, at);
    at += part.length;
    if (part.length === chunk.length) chunks.shift();
    else chunks[0] = chunk.subarray(part.length);
  }
  return taken;
}
