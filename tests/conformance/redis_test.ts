/** Redis through the suites of its ports, on a real server. */

import { RedisSink } from "../../adapters/redis/sink.ts";
import { RedisSource } from "../../adapters/redis/source.ts";
import { freshKey, redisServers, withRedis } from "../support/redis.ts";
import { testSink } from "./sink_suite.ts";
import { testSource } from "./source_suite.ts";

testSource("redis source", async (lines) => {
  const stream = freshKey();
  await withRedis(async (redis) => {
    for (const value of lines) await redis.xadd(stream, "*", "v", value);
  });
  const address = await redisServers();
  const options = {
    address,
    streams: [{ stream }],
    fields: { value: "v" },
    isBounded: true,
    start: "earliest",
  } as const;
  const source = await RedisSource.open(options);
  return { source, [Symbol.asyncDispose]: () => source.close() };
});

testSink("redis sink", async () => {
  const stream = freshKey();
  const address = await redisServers();
  const targets = new Map([["default", { kind: "stream", key: stream, fields: { value: "v", key: "k" } } as const]]);
  return {
    open: () => RedisSink.open({ address, targets, run: stream }),
    read: () => withRedis(async (redis) => (await redis.xrange(stream, "-", "+")).map(([, fields]) => fields[1])),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
});
