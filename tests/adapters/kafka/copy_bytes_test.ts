/** The copy that packer and encoder share. */

import { assertEquals } from "@std/assert";
import { copyBytes } from "../../../adapters/kafka/protocol/copy_bytes.ts";

Deno.test("copyBytes copies so many bytes and touches none beside them, whatever their number and place", () => {
  const from = Uint8Array.from({ length: 64 }, (_, i) => 100 + i);
  for (let start = 0; start < 5; start++) {
    for (let end = start; end < start + 40; end++) {
      for (let at = 1; at < 5; at++) {
        const to = new Uint8Array(64);
        const behind = copyBytes(new DataView(from.buffer), start, end, new DataView(to.buffer), at);
        assertEquals(behind, at + end - start);
        assertEquals(to.subarray(at, behind), from.subarray(start, end));
        assertEquals(to.filter((byte) => byte !== 0).length, end - start);
      }
    }
  }
});
