/**
 * What can go wrong between a run and its broker: answers that are lost, a broker that dies, transactions that time out,
 * ids that expire, a second owner. The outcome is that of a run that nothing happened to, or a clear stop.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Broker, startBroker, startKafka } from "../../tools/services/kafka.ts";
import { freePorts } from "../../tools/services/server.ts";
import { stop } from "../../tools/services/services.ts";
import { addRecords, ended, jobInput, type JobOutcome, KafkaJob, untilFeeds } from "../support/kafka_job.ts";
import { KafkaProxy, REQUEST_KINDS, type RequestKind } from "../support/kafka_proxy.ts";

const PARTITIONS = 4;
const RECORDS = 2000;

/** Time-outs short enough to be met in a test. */
const PROPERTIES = [
  "transaction.abort.timed.out.transaction.cleanup.interval.ms=200",
  "transactional.id.expiration.ms=2000",
  "transaction.remove.expired.transaction.cleanup.interval.ms=200",
];

interface World {
  broker: Broker;
  readonly proxy: KafkaProxy;
  readonly address: string;
  readonly proxied: string;
  readonly input: string;
  readonly expected: JobOutcome;
}

let opening: Promise<World> | undefined;

/** One broker, and a proxy before it, for all tests of this file. */
function world(): Promise<World> {
  return opening ??= (async () => {
    const folder = await Deno.makeTempDir({ prefix: "sluice-faults-" });
    const [proxyPort] = freePorts(1);
    const proxied = `127.0.0.1:${proxyPort}`;
    const broker = await startKafka(folder, {
      listeners: { PROXIED: "PLAINTEXT" },
      advertised: { PROXIED: proxied },
      properties: PROPERTIES,
    });
    const { address } = broker;
    const input = await jobInput(address, PARTITIONS, RECORDS);
    await using job = await KafkaJob.create({ address, input, feedRecords: 100 });
    const expected = await job.finish();
    const proxy = KafkaProxy.start(proxyPort, broker.listeners.PROXIED);
    return { broker, proxy, address, proxied, input, expected };
  })();
}

Deno.test.afterAll(async () => {
  const { broker, proxy } = await world();
  proxy.close();
  await stop(broker);
});

const V1_ONLY: readonly RequestKind[] = ["AddPartitionsToTxn", "AddOffsetsToTxn"];

for (const protocol of ["v1", "v2"]) {
  Deno.test(`transactions ${protocol}: the lost answer to any kind of request changes nothing`, async () => {
    const { address, proxied, proxy, input, expected } = await world();
    const kinds = Object.keys(REQUEST_KINDS) as RequestKind[];
    for (const kind of kinds.filter((each) => protocol === "v1" || !V1_ONLY.includes(each))) {
      const sinkOptions = `?transactions=${protocol}`;
      await using job = await KafkaJob.create({ address, input, feedRecords: 50, sinkOptions });
      // The first of its kind may come before anything is at stake; one in the middle of the run is lost as well.
      proxy.lose(kind, [0, 6]);
      const { code, stderr } = await job.run({ source: proxied, sink: proxied });
      // What fails before it has begun is said, and is tried again by whoever starts it.
      if (code !== 0) assertStringIncludes(stderr, "Cannot ", kind);
      assert(proxy.lost > 0, `no answer to ${kind} was lost`);
      console.log(`${kind}: ${proxy.lost} answers lost`);
      assertEquals((await job.run()).code, 0);
      assertEquals(await job.outcome(), expected, kind);
    }
  });
}

Deno.test("a connection that is cut in the middle of an answer changes nothing, and stops no run", async () => {
  const { address, proxied, proxy, input, expected } = await world();
  for (const kind of ["Fetch", "Metadata", "Produce", "EndTxn"] as const) {
    await using job = await KafkaJob.create({ address, input, feedRecords: 50 });
    proxy.lose(kind, [1, 4], 0.5);
    const { code, stderr } = await job.run({ source: proxied, sink: proxied });
    assertEquals(code, 0, `${kind}: ${stderr}`);
    assert(proxy.lost > 0, `no answer to ${kind} was cut`);
    assertEquals(await job.outcome(), expected, kind);
  }
});

Deno.test("a connection through which nothing comes any more is given up for another one", async () => {
  const { address, proxied, proxy, input, expected } = await world();
  await using job = await KafkaJob.create({ address, input, feedRecords: 50 });
  proxy.forget("Fetch");
  const { code, stderr } = await job.run({ source: proxied, sink: proxied });
  assertEquals(code, 0, stderr);
  assertEquals(await job.outcome(), expected);
});

Deno.test("a broker that dies in the middle of transactions and comes back changes nothing", async () => {
  const state = await world();
  const { address, input, expected } = state;
  await using job = await KafkaJob.create({ address, input, feedRecords: 5 });
  const child = job.start();
  const finished = ended(child);
  await untilFeeds(job, 40);
  Deno.kill(state.broker.pid, "SIGKILL");
  const pid = await startBroker(state.broker.folder, Number(address.split(":")[1]));
  state.broker = { ...state.broker, pid };
  const { code, stderr } = await finished;
  assertEquals(code, 0, stderr);
  assertEquals(await job.outcome(), expected);
});

Deno.test("a broker that stands still again and again slows a run down, and changes nothing", async () => {
  const { broker, address, input, expected } = await world();
  await using job = await KafkaJob.create({ address, input, feedRecords: 10 });
  const finished = ended(job.start());
  for (const feeds of [10, 60, 120]) {
    await untilFeeds(job, feeds);
    Deno.kill(broker.pid, "SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    Deno.kill(broker.pid, "SIGCONT");
  }
  const { code, stderr } = await finished;
  assertEquals(code, 0, stderr);
  assertEquals(await job.outcome(), expected);
});

Deno.test("a run that stands still for longer than its transactions may take goes on with identical outputs", async () => {
  const { address, input, expected } = await world();
  const sinkOptions = "?transactionTimeoutMs=500";
  await using job = await KafkaJob.create({ address, input, feedRecords: 5, sinkOptions });
  const child = job.start();
  const finished = ended(child);
  for (const feeds of [20, 100, 200]) {
    await untilFeeds(job, feeds);
    child.kill("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    child.kill("SIGCONT");
  }
  const { code, stderr } = await finished;
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "looking whether it happened", "no transaction timed out");
  assertEquals(await job.outcome(), expected);
});

Deno.test("a transactional id that expired while the run was idle is taken anew", async () => {
  const { address } = await world();
  const input = await jobInput(address, PARTITIONS, 100);
  await using job = await KafkaJob.create({ address, input, feedRecords: 50 });
  const child = job.start({ isBounded: false });
  const finished = ended(child);
  await untilFeeds(job, PARTITIONS);
  // Expiry is the broker's to decide: it takes a while, and is not announced.
  await new Promise((resolve) => setTimeout(resolve, 5000));
  await addRecords(address, input, PARTITIONS, 100, 200);
  await untilFeeds(job, 2 * PARTITIONS);
  child.kill("SIGTERM");
  const { code, stderr } = await finished;
  assertStringIncludes(stderr, "INVALID_PRODUCER_ID_MAPPING", "no id expired");
  assertEquals(code, 0, stderr);
  await using other = await KafkaJob.create({ address, input, feedRecords: 50 });
  assertEquals((await job.outcome()).outputs, (await other.finish()).outputs);
});

Deno.test("a zombie that wakes up after a takeover writes nothing, and says who took over", async () => {
  const { address, input, expected } = await world();
  await using job = await KafkaJob.create({ address, input, feedRecords: 5 });
  const zombie = job.start();
  const zombieEnded = ended(zombie);
  await untilFeeds(job, 60);
  zombie.kill("SIGSTOP");
  // Another machine would have the journal by other means; here it is a copy of what was durable.
  await Deno.mkdir(job.folder.at("copy"));
  for (const suffix of ["", "-wal"]) {
    await Deno.copyFile(job.folder.at(`.sluice/journal.db${suffix}`), job.folder.at(`copy/journal.db${suffix}`));
  }
  const successor = job.start({ journal: "copy/journal.db" });
  const successorEnded = ended(successor);
  const { code, stderr } = await successorEnded;
  assertEquals(code, 0, stderr);
  zombie.kill("SIGCONT");
  const last = await zombieEnded;
  assertEquals(last.code, 1);
  assertStringIncludes(last.stderr, `process ${successor.pid} on`);
  assertStringIncludes(last.stderr, "has taken it over");
  await Deno.remove(job.folder.at(".sluice"), { recursive: true });
  await Deno.rename(job.folder.at("copy"), job.folder.at(".sluice"));
  assertEquals(await job.outcome(), expected);
});

Deno.test("a second run with the same name and another journal stops, and so does the first, which says by whom", async () => {
  const { address, input, expected } = await world();
  await using job = await KafkaJob.create({ address, input, feedRecords: 5 });
  const first = job.start();
  const firstEnded = ended(first);
  await untilFeeds(job, 40);
  const second = await job.run({ journal: "other/journal.db" });
  assertEquals(second.code, 1);
  assertStringIncludes(second.stderr, "they do not belong together");
  const { code, stderr } = await firstEnded;
  assert(code === 1 && stderr.includes("has taken it over"), stderr);
  assertEquals((await job.run()).code, 0);
  assertEquals(await job.outcome(), expected);
});
