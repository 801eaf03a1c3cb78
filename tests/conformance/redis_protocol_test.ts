/** The simulated Redis against a real server: the same commands, scripts among them, get the same replies. */

import { assertEquals } from "@std/assert";
import { Connection } from "../../adapters/redis/protocol/connection.ts";
import { encodeCommands, RedisError, type Reply, ReplyReader, type Word } from "../../adapters/redis/protocol/resp.ts";
import { ACQUIRE, COMMIT } from "../../adapters/redis/scripts.ts";
import { freshKey, redisAddress } from "../support/redis.ts";
import { serveRedis } from "../support/simulated_servers.ts";

type Step = readonly Word[];

const run = (script: string, keys: readonly string[], ...args: readonly Word[]): Step => {
  return ["EVAL", script, keys.length, ...keys, ...args];
};

/** A feed of two outputs, as the sink commits it. */
const commit = (checkpoint: string, out: string, owner: string, seq: number): Step => {
  const target = ["stream", 2, "v", "k", "", "", ""];
  const outputs = [3, 2, "a", `{"n":${seq}}`, "b", "ü"];
  return run(COMMIT, [checkpoint, out], owner, seq, 7, "d1g", "{}", 1_750_000_000_000, 1, ...target, ...outputs);
};

const SCRIPTS: Readonly<Record<string, (key: string) => readonly Step[]>> = {
  "streams: ids, ranges, trimming, what is known of them": (key) => [
    ["TYPE", key],
    ["XINFO", "STREAM", key],
    ["XADD", key, "5-*", "v", "1"],
    ["XADD", key, "5-*", "v", "2"],
    ["XADD", key, "5-1", "v", "3"],
    ["XADD", key, "4-*", "v", "3"],
    ["XADD", key, "7-3", "v", "ü", "k", ""],
    ["XRANGE", key, "-", "+"],
    ["XRANGE", key, "5-1", "+", "COUNT", "1"],
    ["XRANGE", key, "(5-0", "7"],
    ["XREVRANGE", key, "+", "-", "COUNT", "2"],
    ["XTRIM", key, "MINID", "5-1"],
    ["XTRIM", key, "MAXLEN", "1"],
    ["XLEN", key],
    ["HSET", key, "f", "v"],
    ["TYPE", key],
    ["EXISTS", key],
  ],
  "hashes": (key) => [
    ["HMGET", key, "a", "b"],
    ["HSET", key, "a", "1", "b", "2"],
    ["HSET", key, "b", "3"],
    ["HMGET", key, "a", "c", "b"],
    ["XADD", key, "*", "v", "1"],
    ["TYPE", key],
  ],
  "a task is taken over, its feeds are committed in order, and by its owner only": (key) => [
    run(ACQUIRE, [`${key}:c`], "me"),
    commit(`${key}:c`, key, "me", 0),
    commit(`${key}:c`, key, "me", 0),
    commit(`${key}:c`, key, "me", 2),
    commit(`${key}:c`, key, "me", 1),
    run(ACQUIRE, [`${key}:c`], "you"),
    commit(`${key}:c`, key, "me", 2),
    commit(`${key}:c`, key, "you", 2),
    ["XRANGE", key, "-", "+"],
    ["HMGET", `${key}:c`, "owner", "seq", "epoch", "digest", "positions"],
    ["EVALSHA", "0000000000000000000000000000000000000000", "0"],
  ],
  "transactions": (key) => [
    ["XADD", key, "1-1", "v", "1"],
    ["MULTI"],
    ["XRANGE", key, "-", "+"],
    ["TYPE", key],
    ["EXEC"],
  ],
};

for (const [name, script] of Object.entries(SCRIPTS)) {
  Deno.test(`simulated Redis answers as a server does: ${name}`, async () => {
    const key = freshKey();
    const real = await transcriptOf(await redisAddress(), script(key));
    await using redis = await serveRedis();
    assertEquals(await transcriptOf({ host: "127.0.0.1", port: redis.port }, script(key)), real);
  });
}

async function transcriptOf(
  endpoint: { readonly host: string; readonly port: number },
  steps: readonly Step[],
): Promise<readonly string[]> {
  const connection = await Connection.open({ endpoint });
  try {
    const transcript: string[] = [];
    for (const step of steps) {
      const reply = new ReplyReader(await connection.request(encodeCommands([step]))).next();
      transcript.push(`${String(step[0])} ${String(step.at(-1)).slice(0, 20)}: ${textOf(step, reply)}`);
    }
    return transcript;
  } finally {
    connection.close();
  }
}

/** Of errors what programs look at; of what is known of a stream what they are told by both. */
function textOf([name]: Step, reply: Reply): string {
  if (reply instanceof RedisError) return reply.code;
  if (name !== "XINFO" || !Array.isArray(reply)) return JSON.stringify(reply);
  const wanted = ["length", "last-generated-id", "entries-added", "recorded-first-entry-id"];
  return JSON.stringify(wanted.map((field) => [field, reply[reply.indexOf(field) + 1]]));
}
