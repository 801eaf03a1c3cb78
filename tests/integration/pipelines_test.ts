/**
 * A pipeline between real systems: two topics of three partitions each are joined and counted into a stream of Redis, the
 * run is killed after every step; what is there in the end is what a naive count over all records says, once.
 */

import { assertEquals, assertNotEquals } from "@std/assert";
import { redisCli } from "../../tools/services/redis.ts";
import { runCli } from "../support/cli.ts";
import { freshTopic, kafkaAddress, writeTopic } from "../support/kafka.ts";
import { TestFolder } from "../support/processor_script.ts";
import { freshKey, redisAddress } from "../support/redis.ts";

const ORDERS = 300;
const PARTITIONS = 3;
const STEPS = ["sealed", "processed", "prepared", "committed", "settled"] as const;
const START_MS = 1_700_000_000_000;

interface Event {
  readonly id: string;
  readonly shop: string;
  readonly at: number;
}

const orderAt = (i: number): Event => ({ id: `o${i}`, shop: `shop-${i % 7}`, at: START_MS + i * 250 });
/** Two of three are paid, up to three seconds later. */
const isPaid = (i: number): boolean => i % 3 !== 2;
const paidAt = (i: number): number => orderAt(i).at + (i * 37) % 3000;

const PIPELINE = (orders: string, payments: string, redis: string, out: string) => `
name: ${out}
from:
  orders:
    uri: ${orders}
    time: at
    lateness: 10s
    steps: [{ key: id }]
  payments:
    uri: ${payments}
    time: at
    lateness: 10s
    steps: [{ key: id }]
steps:
  - join: { with: payments, after: 5s, kind: left, select: { shop: left.shop, paid: right != null } }
  - key: shop
  - window: { tumbling: 10s, aggregate: { orders: count, paid: { sum: 'paid ? 1 : 0' } } }
to:
  counts: redis://${redis}/${out}
run: { until-end: true, feed-records: 10 }
`;

Deno.test("topics joined and counted into Redis are there once, killed after every step", async () => {
  const [orders, payments] = [await freshTopic(PARTITIONS), await freshTopic(PARTITIONS)];
  const records = (events: readonly Event[]) =>
    events.map((event, i) => ({
      key: null,
      value: JSON.stringify(event),
      timeMs: event.at,
      partition: i % PARTITIONS,
    }));
  const all = Array.from({ length: ORDERS }, (_, i) => i);
  await writeTopic(orders, records(all.map(orderAt)));
  const paid = all.filter(isPaid).map((i) => ({ ...orderAt(i), at: paidAt(i) })).sort((a, b) => a.at - b.at);
  await writeTopic(payments, records(paid));
  const kafka = `kafka://${await kafkaAddress()}`;
  const { host, port } = await redisAddress();
  await using folder = new TestFolder();
  const out = freshKey();
  folder.write("p.yaml", PIPELINE(`${kafka}/${orders}`, `${kafka}/${payments}`, `${host}:${port}`, out));
  const args = ["run", "p.yaml", "--quiet"];
  let kills = 0;
  for (const [i, step] of STEPS.entries()) {
    const { code } = await runCli(args, { cwd: folder.path, crashAt: `${step}:${1 + 8 * i}` });
    if (code !== 0) kills++;
  }
  assertEquals(kills, STEPS.length);
  const { code, stderr } = await runCli(args, { cwd: folder.path });
  assertEquals(code, 0, stderr);
  const entries = JSON.parse(await redisCli(`${host}:${port}`, "--json", "XRANGE", out, "-", "+")) as [
    string,
    string[],
  ][];
  const found = entries.map(([, fields]) => JSON.parse(fields[1]) as Readonly<Record<string, unknown>>);
  assertNotEquals(found.length, 0);
  assertEquals(total(found, "orders"), ORDERS);
  assertEquals(total(found, "paid"), all.filter(isPaid).length);
  const windows = found.map(({ key, startMs }) => `${key} ${startMs}`);
  assertEquals(new Set(windows).size, windows.length);
  const replayed = await runCli(["replay", out], { cwd: folder.path });
  assertEquals(replayed.code, 0, replayed.stderr);
});

function total(found: readonly Readonly<Record<string, unknown>>[], name: string): number {
  return found.reduce((sum, each) => sum + (each[name] as number), 0);
}
