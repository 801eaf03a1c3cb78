/**
 * What a user of ioredis writes, at least once: XREADGROUP of 100, each XADD awaited (`each`) or a pipeline of all
 * (`pipeline`), XACK. Prints milliseconds from the first read to the last acknowledgement.
 */

import { Redis } from "ioredis";

const [mode, address, input, output, records] = Deno.args;
const [host, port] = address.split(":");
const redis = new Redis({ host, port: Number(port), lazyConnect: true });
await redis.connect();
await redis.xgroup("CREATE", input, output, "0");

function map(fields: readonly string[]): { readonly value: string; readonly key: string } {
  const order = JSON.parse(fields[1]) as { cents: number; euros?: number };
  order.euros = order.cents / 100;
  return { value: JSON.stringify(order), key: fields[3] };
}

const startMs = performance.now();
for (let done = 0; done < Number(records);) {
  const reply = await redis.xreadgroup("GROUP", output, "c", "COUNT", 100, "STREAMS", input, ">");
  const entries = reply![0][1].map(([id, fields]) => [id, fields!] as const);
  if (mode === "each") {
    for (const [, fields] of entries) {
      const { value, key } = map(fields);
      await redis.xadd(output, "*", "v", value, "k", key);
    }
    await redis.xack(input, output, ...entries.map(([id]) => id));
  } else {
    const pipeline = redis.pipeline();
    for (const [, fields] of entries) {
      const { value, key } = map(fields);
      pipeline.xadd(output, "*", "v", value, "k", key);
    }
    pipeline.xack(input, output, ...entries.map(([id]) => id));
    await pipeline.exec();
  }
  done += entries.length;
}
console.log(Math.round(performance.now() - startMs));
redis.disconnect();
