/** The digest of outputs: known values, any cut of the bytes. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { Digest, toHex } from "../../engine/digest.ts";

function hashOf(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const digest = new Digest();
  digest.update(new DataView(bytes.buffer), 0, bytes.length);
  return [digest.h1, digest.h2, digest.h3, digest.h4].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join(
    "",
  );
}

Deno.test("Digest.update() is MurmurHash3_x86_128", () => {
  // From the reference implementation (smhasher), each of the four words most significant digit first.
  assertEquals(hashOf(""), "00000000000000000000000000000000");
  assertEquals(hashOf("The quick brown fox jumps over the lazy dog"), "2f1583c3ecee2c675d7bf66ce5e91d2c");
});

Deno.test("Digest frames its pieces: the same bytes cut elsewhere differ", () => {
  const bytes = new TextEncoder().encode("abc");
  const view = new DataView(bytes.buffer);
  const [one, two] = [new Digest(), new Digest()];
  one.update(view, 0, 2);
  one.update(view, 2, 3);
  two.update(view, 0, 1);
  two.update(view, 1, 3);
  assertNotEquals(toHex(one.toBytes()), toHex(two.toBytes()));
});

Deno.test("Digest.fromBytes() restores what toBytes() gave, and goes on alike", () => {
  const digest = new Digest();
  digest.updateWords(1, -2, 3, 0xffffffff);
  const restored = Digest.fromBytes(digest.toBytes());
  digest.updateWords(5, 6, 7, 8);
  restored.updateWords(5, 6, 7, 8);
  assertEquals(toHex(restored.toBytes()), toHex(digest.toBytes()));
});
