/** A CSV file that is being written: its header and its rows are read once they are whole. */

import { assertEquals } from "@std/assert";
import { FileSource } from "../../adapters/file/source.ts";
import { offsetAt } from "../../engine/batch.ts";
import { payloadAt } from "../../formats/record_payload.ts";
import { TestFolder } from "../support/processor_script.ts";

const AT = { stream: "orders.csv", partition: "0" };

Deno.test("a growing CSV file is followed row by row; offsets are positions in the file", async () => {
  await using folder = new TestFolder();
  const path = folder.write("orders.csv", "na");
  const source = new FileSource({
    path,
    isBounded: false,
    fields: { key: undefined, time: undefined },
    recordBytesMax: 1 << 20,
  });
  const append = (text: string) => Deno.writeTextFileSync(path, text, { append: true });
  let position = 0n;
  const read = async () => {
    const result = await source.read(AT, position, { recordsMax: 10, bytesMax: 1 << 20 });
    if (result.kind !== "batch") return result.kind;
    position = result.batch.next;
    return Array.from({ length: result.batch.count }, (_, row) => {
      return `${offsetAt(result.batch, row)} ${new TextDecoder().decode(payloadAt(result.batch, row).value!)}`;
    });
  };
  assertEquals(await read(), "idle");
  append('me,note\nann,"one\n');
  assertEquals(await read(), "idle");
  append('two"\nbob,');
  assertEquals(await read(), ['10 {"name":"ann","note":"one\\ntwo"}']);
  assertEquals(await read(), "idle");
  append("x\n");
  assertEquals(await read(), ['24 {"name":"bob","note":"x"}']);
  await source.verify(AT, position, undefined);
  await source.close();
});
