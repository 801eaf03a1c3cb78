/** Redis through the suites of its ports, on a real server. */

import { RedisSource } from "../../adapters/redis/source.ts";
import { freshKey, redisAddress, withRedis } from "../support/redis.ts";
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
