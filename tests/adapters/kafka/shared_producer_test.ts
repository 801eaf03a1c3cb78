/** Commits of many tasks in one transaction, on a real broker: who shares, and what an error means for those who did. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { connectionOf } from "../../../adapters/kafka/connection_settings.ts";
import { patience } from "../../../adapters/kafka/patience.ts";
import { patiently } from "../../../adapters/patience.ts";
import { BatchEncoder } from "../../../adapters/kafka/protocol/batch_encoder.ts";
import { Cluster } from "../../../adapters/kafka/protocol/cluster.ts";
import { offsetOf } from "../../../adapters/kafka/protocol/fetch.ts";
import { transactionProtocolOf } from "../../../adapters/kafka/protocol/transaction_protocol.ts";
import { viewOf } from "../../../adapters/kafka/protocol/view.ts";
import { SharedProducer, type TransactionPart } from "../../../adapters/kafka/shared_producer.ts";
import { isFenced, SharedRefusal } from "../../../adapters/kafka/sink_errors.ts";
import { freshTopic, kafkaAddress, readTopic } from "../../support/kafka.ts";

const encoder = new TextEncoder();
/** Brokers refuse what is more than an hour ahead of them. */
const REFUSED_MS = 86_400_000;
const BROKER_MS_MAX = 30_000;

async function withProducers(count: number, work: (topic: string, producers: SharedProducer[]) => Promise<void>) {
  const topic = await freshTopic();
  const cluster = await Cluster.connect(connectionOf([await kafkaAddress()], new Map()), topic);
  // A fresh broker makes its coordinators when one is first asked for.
  await patiently(patience(cluster, BROKER_MS_MAX), () => cluster.coordinatorOf("transaction", topic));
  const protocol = await transactionProtocolOf(cluster);
  const options = { transactionalId: topic, group: undefined, protocol, transactionTimeoutMs: 60_000 };
  const producers = Array.from({ length: count }, () => new SharedProducer(cluster, options));
  try {
    await work(topic, producers);
  } finally {
    cluster.close();
  }
}

function part(topic: string, task: string, aheadMs = 0): TransactionPart {
  const value = encoder.encode(task);
  const batch = new BatchEncoder(topic, 0, 100);
  batch.add(Date.now() + aheadMs, viewOf(value), 0, -1, viewOf(value), 0, value.length);
  return { task, batches: [batch], offsets: [] };
}

async function markersIn(topic: string, records: number): Promise<number> {
  const cluster = await Cluster.connect(connectionOf([await kafkaAddress()], new Map()), topic);
  const end = await offsetOf(await cluster.leaderOf(topic, 0), { topic, partition: 0 }, "latest");
  cluster.close();
  return Number(end!) - records;
}

const valuesOf = async (topic: string) => (await readTopic(topic)).map(({ value }) => value);

Deno.test("commits that come while a transaction is under way share the next one, in their order", async () => {
  await withProducers(1, async (topic, [producer]) => {
    const tasks = Array.from({ length: 20 }, (_, i) => String(i));
    await Promise.all(tasks.map((task) => producer.own(task)));
    await Promise.all(tasks.map((task) => producer.commit(part(topic, task))));
    assertEquals(await valuesOf(topic), tasks);
    assertEquals(await markersIn(topic, tasks.length), 2);
  });
});

Deno.test("what a broker refuses for one task refuses nothing to those who shared its transaction", async () => {
  await withProducers(1, async (topic, [producer]) => {
    const tasks = ["first", "good", "bad", "better"];
    const commitAll = async (some: readonly string[]) => {
      for (const task of some) await producer.own(task);
      const commits = some.map((task) => producer.commit(part(topic, task, task === "bad" ? REFUSED_MS : 0)));
      return (await Promise.allSettled(commits)).map((result) => result.status === "rejected" ? result.reason : "done");
    };
    const [first, ...others] = await commitAll(tasks);
    assertEquals(first, "done");
    for (const reason of others) assert(reason instanceof SharedRefusal, String(reason));
    // Each alone now: the one whose fault it is learns the reason itself, the one behind it was not sent.
    const [good, bad, better] = await commitAll(tasks.slice(1));
    assertEquals(good, "done");
    assert(bad !== "done" && !(bad instanceof SharedRefusal) && bad.message.includes("INVALID_TIMESTAMP"), String(bad));
    assert(better instanceof SharedRefusal, String(better));
    assertEquals(await commitAll(["better"]), ["done"]);
    assertEquals(await valuesOf(topic), ["first", "good", "better"]);
  });
});

Deno.test("whoever was fenced is fenced for all its tasks, also those that had nothing to commit then", async () => {
  await withProducers(2, async (topic, [old, successor]) => {
    for (const task of ["a", "b"]) await old.own(task);
    await old.commit(part(topic, "a"));
    await successor.own("a");
    const reason = await assertRejects(() => old.commit(part(topic, "a")));
    assert(isFenced(reason), String(reason));
    assertEquals(await assertRejects(() => old.commit(part(topic, "b"))), reason);
    await successor.commit(part(topic, "a"));
    assertEquals(await valuesOf(topic), ["a", "a"]);
  });
});

Deno.test("after an error a task commits only when it owns the new producer: it has looked at its checkpoint since", async () => {
  await withProducers(1, async (topic, [producer]) => {
    for (const task of ["a", "b"]) await producer.own(task);
    await assertRejects(() => producer.commit(part(topic, "a", REFUSED_MS)), Error, "INVALID_TIMESTAMP");
    await producer.own("a");
    await producer.commit(part(topic, "a"));
    await assertRejects(() => producer.commit(part(topic, "b")), SharedRefusal);
    await producer.own("b");
    await producer.commit(part(topic, "b"));
    assertEquals(await valuesOf(topic), ["a", "b"]);
  });
});
