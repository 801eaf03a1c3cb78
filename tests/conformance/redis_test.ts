/** Redis through the suites of its ports, on a real server. */

import { RedisSink } from "../../adapters/redis/sink.ts";
import { RedisSource } from "../../adapters/redis/source.ts";
import { freshKey, redisAddress, withRedis } from "../support/redis.ts";
import { testSink } from "./sink_suite.ts";
import { testSource } from "./source_suite.ts";

testSource("redis source", async (lines) => {
  const stream = freshKey();
  await withRedis(async (redis) => {
    for (const value of lines) await redis.xadd(stream, "*", "v", value);
  });
  const address = await redisAddress();
  const options = { address, streams: [stream], fields: { value: "v" }, isBounded: true, start: "earliest" } as const;
  const source = await RedisSource.open(options);
  return { source, [Symbol.asyncDispose]: () => source.close() };
});

testSink("redis sink", async () => {
  const stream = freshKey();
  const address = await redisAddress();
  const streams = new Map([["default", stream]]);
  return {
    open: () => RedisSink.open({ address, streams, fields: { value: "v" }, run: stream }),
    read: () => withRedis(async (redis) => (await redis.xrange(stream, "-", "+")).map(([, fields]) => fields[1])),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
});
