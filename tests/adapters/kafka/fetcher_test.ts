/** The first read of a partition, at a moment when its broker is away. Reading goes on in the tests with real brokers. */

import { assertEquals, assertRejects } from "@std/assert";
import { Fetcher } from "../../../adapters/kafka/fetcher.ts";
import { CODE, KafkaError } from "../../../adapters/kafka/protocol/kafka_error.ts";
import type { Broker, Cluster, WireRequest } from "../../../adapters/kafka/protocol/cluster.ts";
import { Reader, Writer } from "../../../adapters/kafka/protocol/wire.ts";
import { SourceError } from "../../../adapters/source.ts";
import { until } from "../../support/until.ts";

const AT = { stream: "orders", partition: "3" };
const LIMIT = { recordsMax: 10, bytesMax: 1000 };

/** A cluster that answers nothing but where topics are, and that only after `errors`. */
function fetcherAfter(errors: unknown[]): Fetcher {
  const cluster: Pick<Cluster, "topic" | "refresh" | "leaderOf"> = {
    topic: (name) =>
      errors.length > 0 ? Promise.reject(errors.shift()) : Promise.resolve({ id: `id of ${name}` } as never),
    refresh: () => Promise.resolve(),
    leaderOf: () => new Promise(() => {}),
  };
  return new Fetcher({ cluster: cluster as Cluster, outageMsMax: 10_000, onOutage: undefined });
}

Deno.test("a broker that is away when a partition is first read is waited for", async () => {
  const cut = Object.assign(new Error("read ECONNRESET"), { name: "KafkaJSConnectionError", retriable: true });
  const errors = [cut, new KafkaError(CODE.leaderNotAvailable, "use topic orders")];
  const fetcher = fetcherAfter(errors);
  assertEquals(await fetcher.take(AT, 7n, LIMIT), undefined);
  assertEquals(errors, []);
  fetcher.close();
});

Deno.test("what does not pass when a partition is first read says which, and where", async () => {
  const fetcher = fetcherAfter([new KafkaError(CODE.topicAuthorizationFailed, "use topic orders")]);
  const { message, code, offset } = await assertRejects(() => fetcher.take(AT, 7n, LIMIT), SourceError);
  assertEquals([code, offset], ["E_SOURCE_UNREADABLE", 7n]);
  assertEquals(message.startsWith("Cannot read orders/3 at offset 7: Cannot use topic orders: "), true, message);
});

Deno.test("nothing is fetched behind the end of what is read: partitions that are done are in nobody's way", async () => {
  let looks = 0;
  const cluster: Pick<Cluster, "topic" | "leaderOf"> = {
    topic: (name) => Promise.resolve({ id: `id of ${name}` } as never),
    leaderOf: () => {
      looks++;
      return new Promise(() => {});
    },
  };
  const fetcher = new Fetcher({ cluster: cluster as Cluster, outageMsMax: 10_000, onOutage: undefined });
  assertEquals(await fetcher.take(AT, 7n, { ...LIMIT, end: 7n }), undefined);
  assertEquals(looks, 0);
  // Whoever waits for it is told at once.
  await fetcher.moved([AT]);
  assertEquals(await fetcher.take({ ...AT, partition: "4" }, 7n, { ...LIMIT, end: 8n }), undefined);
  assertEquals(looks, 1);
  fetcher.close();
});

/** What a Fetch request says of how large its answer may be: behind three fields of four bytes. */
function bytesMaxOf({ body: [fields] }: WireRequest): number {
  return new DataView(fields.buffer, fields.byteOffset).getInt32(12);
}

const MEGABYTE = 1024 * 1024;
const NOTHING_THERE = new Writer().int32(0).int16(0).int32(0).int32(0).written;

/** A broker whose first answers are late, and that tells in megabytes how much it was asked for. */
function brokerThatIsLate(nodeId: number, times: number, asked: number[]): Broker {
  const late = Object.assign(new Error("timed out"), { name: "KafkaJSRequestTimeoutError", retriable: true });
  const broker: Pick<Broker, "nodeId" | "send"> = {
    nodeId,
    async send(request) {
      asked.push(bytesMaxOf(request) / MEGABYTE);
      if (asked.length <= times) throw late;
      // An event loop that is never left would run no timer.
      await new Promise((resolve) => setTimeout(resolve, 0));
      return new Reader(NOTHING_THERE);
    },
  };
  return broker as Broker;
}

Deno.test("a broker whose answer is late is asked for less, and for more again once it answers quickly; others are not", async () => {
  const asked: readonly number[][] = [[], []];
  const brokers = [brokerThatIsLate(0, 4, asked[0]), brokerThatIsLate(1, 0, asked[1])];
  const cluster: Pick<Cluster, "topic" | "refresh" | "leaderOf"> = {
    topic: (name) => Promise.resolve({ id: `id of ${name}` } as never),
    refresh: () => Promise.resolve(),
    leaderOf: (_, partition) => Promise.resolve(brokers[partition]),
  };
  const fetcher = new Fetcher({ cluster: cluster as Cluster, outageMsMax: 60_000, onOutage: undefined });
  for (const partition of ["0", "1"]) await fetcher.take({ ...AT, partition }, 7n, LIMIT);
  await until(() => asked[0].length >= 12);
  fetcher.close();
  assertEquals(asked[0].slice(0, 12), [8, 2, 0.5, 0.125, 0.125, 0.25, 0.5, 1, 2, 4, 8, 8]);
  assertEquals(new Set(asked[1]), new Set([8]));
});
