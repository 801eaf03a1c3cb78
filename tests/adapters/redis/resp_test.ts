/** Replies: any cut into chunks, any bytes; and what a real server sends, raw. */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Connection, OutcomeUnknown } from "../../../adapters/redis/protocol/connection.ts";
import { idOf, offsetOf, readEntries } from "../../../adapters/redis/protocol/entries.ts";
import {
  encodeCommands,
  RedisError,
  type Reply,
  ReplyError,
  ReplyReader,
  ReplyScanner,
} from "../../../adapters/redis/protocol/resp.ts";
import { offsetAt } from "../../../engine/batch.ts";
import { payloadAt } from "../../../formats/record_payload.ts";
import { freshKey, redisAddress, withRedis } from "../../support/redis.ts";

const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 20261125);
const encoder = new TextEncoder();

interface Sample {
  readonly wire: string;
  readonly value: Reply;
}

const line = fc.string({ maxLength: 8 }).filter((text) => !/[\r\n]/.test(text));
const { tree } = fc.letrec<{ tree: Sample }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    line.map((text): Sample => ({ wire: `+${text}\r\n`, value: text })),
    fc.integer().map((value): Sample => ({ wire: `:${value}\r\n`, value })),
    fc.string({ unit: "binary", maxLength: 12 }).map((text): Sample => {
      const value = text.toWellFormed().replace("\ufeff", "");
      return { wire: `$${encoder.encode(value).length}\r\n${value}\r\n`, value };
    }),
    fc.constantFrom<Sample>(
      { wire: "_\r\n", value: null },
      { wire: "$-1\r\n", value: null },
      { wire: "*-1\r\n", value: null },
      { wire: "#t\r\n", value: true },
      { wire: "=7\r\ntxt:abc\r\n", value: "abc" },
      { wire: "|1\r\n+k\r\n+v\r\n:1\r\n", value: 1 },
    ),
    fc.tuple(fc.constantFrom("*", "~", ">"), fc.array(tie("tree"), { maxLength: 4 })).map(([type, all]): Sample => ({
      wire: `${type}${all.length}\r\n${all.map(({ wire }) => wire).join("")}`,
      value: all.map(({ value }) => value),
    })),
    fc.array(fc.tuple(tie("tree"), tie("tree")), { maxLength: 3 }).map((all): Sample => ({
      wire: `%${all.length}\r\n${all.flat().map(({ wire }) => wire).join("")}`,
      value: all.flat().map(({ value }) => value),
    })),
  ),
}));

Deno.test("the end of replies is found wherever the bytes are cut, and they are read as they were written", () => {
  fc.assert(
    fc.property(fc.array(tree, { minLength: 1, maxLength: 3 }), fc.array(fc.nat()), (samples, cuts) => {
      const bytes = encoder.encode(samples.map(({ wire }) => wire).join(""));
      const scanner = new ReplyScanner(samples.length);
      const ends = cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b);
      for (const end of ends) assertEquals(scanner.scan(bytes, end), false);
      assert(scanner.scan(bytes, bytes.length));
      assertEquals(scanner.at, bytes.length);
      const reader = new ReplyReader(bytes);
      assertEquals(samples.map(() => reader.next()), samples.map(({ value }) => value));
    }),
    { numRuns: 1000, seed: SEED },
  );
});

Deno.test("bytes that are no replies are refused, or awaited, and never read on for ever", () => {
  const damaged = fc.tuple(tree, fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat()).map(
    ([{ wire }, noise, at]) => {
      const bytes = encoder.encode(`*2\r\n${wire}${wire}`);
      bytes.set(noise.subarray(0, bytes.length - at % bytes.length), at % bytes.length);
      return bytes;
    },
  );
  fc.assert(
    fc.property(damaged, (bytes) => {
      try {
        if (!new ReplyScanner(1).scan(bytes, bytes.length)) return;
        readEntries(bytes, new ReplyReader(bytes), { value: "v" });
      } catch (error) {
        assert(error instanceof ReplyError || error instanceof RedisError, String(error));
      }
    }),
    { numRuns: 5000, seed: SEED },
  );
});

Deno.test("entries of a real server are packed as they are: ids, keys, values, bytes of any kind", async () => {
  const [key, binary] = [freshKey(), Uint8Array.from({ length: 256 }, (_, i) => i)];
  const connection = await Connection.open({ endpoint: await redisAddress() });
  await connection.request(
    encodeCommands([
      ["XADD", key, "1-0", "v", "first", "k", "a key"],
      ["XADD", key, "1-1", "other", "x", "v", binary],
      ["XADD", key, "9223372036854775807-9223372036854775807", "other", "no value"],
    ]),
    3,
  );
  const bytes = await connection.request(encodeCommands([["XRANGE", key, "-", "+"]]));
  const columns = readEntries(bytes, new ReplyReader(bytes), { value: "v", key: "k" });
  const batch = { ...columns, stream: key, partition: "0", offsetWidth: 4, next: 0n };
  const ids = ["1-0", "1-1", "9223372036854775807-9223372036854775807"];
  assertEquals(ids.map((_, row) => idOf(offsetAt(batch, row))), ids);
  assertEquals(ids.map((_, row) => offsetAt(batch, row)), ids.map(offsetOf));
  const payloads = ids.map((_, row) => payloadAt(batch, row));
  assertEquals(payloads.map(({ value }) => value), [encoder.encode("first"), binary, null]);
  assertEquals(payloads.map(({ key }) => key), ["a key", null, null]);
  connection.close();
});

Deno.test("an error of the server is a value among replies, and thrown where entries are wanted", async () => {
  const key = freshKey();
  const connection = await Connection.open({ endpoint: await redisAddress() });
  const bytes = await connection.request(encodeCommands([["SET", key, 1], ["XRANGE", key, "-", "+"], ["PING"]]), 3);
  const reader = new ReplyReader(bytes);
  assertEquals(reader.next(), "OK");
  const { at } = reader;
  const error = reader.next();
  assertInstanceOf(error, RedisError);
  assertEquals([error.code, reader.next()], ["WRONGTYPE", "PONG"]);
  assertThrows(() => readEntries(bytes, new ReplyReader(bytes, at), { value: "v" }), RedisError, "WRONGTYPE");
  connection.close();
});

/** A way to `target` on which the last byte of whatever the server says comes in a packet of its own. */
function splitting(target: { readonly host: string; readonly port: number }): Deno.TcpListener {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async (client: Deno.TcpConn): Promise<void> => {
    client.setNoDelay();
    const server = await Deno.connect({ hostname: target.host, port: target.port });
    void client.readable.pipeTo(server.writable).catch(() => {});
    const writer = client.writable.getWriter();
    for await (const said of server.readable) {
      await writer.write(said.subarray(0, -1));
      await new Promise((resolve) => setTimeout(resolve, 5));
      await writer.write(said.subarray(-1));
    }
  };
  const accept = async (): Promise<void> => {
    for await (const client of listener) serve(client).catch(() => {});
  };
  void accept();
  return listener;
}

Deno.test("a connection is sound whose last reply to ioredis came in pieces", async () => {
  const listener = splitting(await redisAddress());
  const { port } = listener.addr;
  const connection = await Connection.open({ endpoint: { host: "127.0.0.1", port } });
  for (let request = 0; request < 3; request++) {
    assertEquals(new ReplyReader(await connection.request(encodeCommands([["PING"]]))).next(), "PONG");
  }
  connection.close();
  listener.close();
});

Deno.test("a large reply arrives whole; a connection that is cut leaves its request with an unknown outcome", async () => {
  const key = freshKey();
  const connection = await Connection.open({ endpoint: await redisAddress() });
  const value = new Uint8Array(3_000_000).fill(120);
  await connection.request(encodeCommands([["SET", key, value], ["CLIENT", "SETNAME", key]]), 2);
  const reply = new ReplyReader(await connection.request(encodeCommands([["GET", key]]))).next();
  assertEquals(reply, "x".repeat(value.length));
  const waiting = connection.request(encodeCommands([["BLPOP", freshKey(), 0]]));
  const refused = assertRejects(() => waiting, OutcomeUnknown, "the connection was closed");
  await withRedis(async (redis) => {
    const clients = String(await redis.client("LIST")).split("\n");
    const id = / ?id=(\d+)/.exec(clients.find((client) => client.includes(`name=${key}`))!)![1];
    await redis.client("KILL", "ID", id);
  });
  await refused;
  await assertRejects(() => connection.request(encodeCommands([["PING"]])), OutcomeUnknown);
});
