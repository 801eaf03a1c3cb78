/** Servers that change under a run: slots that move, masters that fail, replicas that take over. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { redisCli, startRedisServer } from "../../tools/services/redis.ts";
import type { Started } from "../../tools/services/services.ts";
import { freshKey, redisAddress } from "../support/redis.ts";
import { addOrders, assertEntries, RedisJob } from "../support/redis_job.ts";
import { OwnRedis, withCluster } from "../support/redis_servers.ts";

const ENTRIES = 1_200;
const FEED_RECORDS = 5;
const HASH_SLOTS = 16_384;

/** What a run makes of the orders on one server that nothing disturbs. */
async function undisturbed(): Promise<readonly string[]> {
  const { host, port } = await redisAddress();
  const from = `${host}:${port}`;
  await addOrders(from, input, ENTRIES);
  await using job = new RedisJob({ from, input, feedRecords: FEED_RECORDS });
  await job.finish();
  return await job.entries();
}

/** The same everywhere: what is random in a run depends on it. */
const input = freshKey();
const expected = await undisturbed();

/** The node that has a key, and its slot. */
async function homeOf(
  nodes: readonly Started[],
  key: string,
): Promise<{ readonly node: Started; readonly slot: string }> {
  const slot = await redisCli(nodes[0].address, "CLUSTER", "KEYSLOT", key);
  for (const node of nodes) {
    const keys = await redisCli(node.address, "CLUSTER", "COUNTKEYSINSLOT", slot);
    if (Number(keys) > 0) return { node, slot };
  }
  throw new Error(`no node has ${key}`);
}

const idOf = ({ address }: Started) => redisCli(address, "CLUSTER", "MYID");

Deno.test("Redis cluster: input and output on different nodes; any node will do to begin", async () => {
  await withCluster(3, async (nodes) => {
    const from = nodes.map(({ address }) => address).join(",");
    await addOrders(nodes[0].address, input, ENTRIES);
    for (const node of nodes) {
      await using job = new RedisJob({ from, to: node.address, input, feedRecords: 100 });
      await job.finish();
      assertEntries((await job.entries()).map(payloadOf), expected.map(payloadOf));
    }
    await using apart = new RedisJob({ from, input, output: "a:0..7" });
    const { code, stderr } = await apart.run();
    assertEquals(code === 0, false);
    assertStringIncludes(stderr, "give them the same hash tag, such as {a:0}:1");
    await using together = new RedisJob({ from, input, output: "{b}:0..7" });
    assertEquals((await together.run()).code, 0);
  });
});

/** Ids and times are those of the feeds, which may be of another size. */
function payloadOf(entry: string): string {
  return entry.replaceAll(/"\d+-\d+"/g, "");
}

Deno.test("Redis cluster: the slots of input and output move to another node, key by key, while a run reads and writes", async () => {
  await withCluster(3, async (nodes) => {
    const from = nodes.map(({ address }) => address).join(",");
    await addOrders(nodes[0].address, input, ENTRIES);
    await using job = new RedisJob({ from, input, feedRecords: FEED_RECORDS });
    const running = job.start();
    for (const [part, key] of [[0.1, job.output], [0.4, input], [0.7, job.output]] as const) {
      const seen = await job.untilLength(ENTRIES * part);
      await moveSlot(nodes, key, job);
      await job.untilLength(Math.min(seen, ENTRIES - 1));
    }
    await running.succeeded();
    assertEntries(await job.entries(), expected);
  });
});

/** As `redis-cli --cluster reshard` does it; after each key the run has to meet a slot that is on two nodes. */
async function moveSlot(nodes: readonly Started[], key: string, job: RedisJob): Promise<void> {
  const { node: from, slot } = await homeOf(nodes, key);
  const to = nodes.find((node) => node !== from)!;
  await redisCli(to.address, "CLUSTER", "SETSLOT", slot, "IMPORTING", await idOf(from));
  await redisCli(from.address, "CLUSTER", "SETSLOT", slot, "MIGRATING", await idOf(to));
  const [host, port] = to.address.split(":");
  for (;;) {
    const [next] = (await redisCli(from.address, "CLUSTER", "GETKEYSINSLOT", slot, "1")).split("\n");
    if (!next) break;
    await redisCli(from.address, "MIGRATE", host, port, next, "0", "10000");
    await untilSentOn(from, job);
  }
  for (const node of nodes) await redisCli(node.address, "CLUSTER", "SETSLOT", slot, "NODE", await idOf(to));
}

/** Resolves when the node has sent the run on (ASK), or away for now (TRYAGAIN); or when the run is done. */
async function untilSentOn({ address }: Started, job: RedisJob): Promise<void> {
  const sentOn = async () => {
    const stats = await redisCli(address, "INFO", "errorstats");
    return [...stats.matchAll(/errorstat_(?:ASK|TRYAGAIN):count=(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
  };
  const before = await sentOn();
  while (await sentOn() === before && await job.untilLength(-1) < ENTRIES);
}

Deno.test("Redis cluster: the master of the output fails, and its replica takes over", async () => {
  await withCluster(3, async (nodes) => {
    const from = nodes.map(({ address }) => address).join(",");
    await addOrders(nodes[0].address, input, ENTRIES);
    await using job = new RedisJob({ from, input, feedRecords: FEED_RECORDS });
    const master = await firstHomeOf(nodes, job.output);
    const replica = await addReplica(nodes, master);
    try {
      const running = job.start();
      await job.untilLength(ENTRIES / 2);
      Deno.kill(master.pid, "SIGKILL");
      await running.succeeded();
      assertEntries(await job.entries(replica.address), expected);
    } finally {
      Deno.kill(replica.pid, "SIGKILL");
    }
  });
});

/** The node that will have a key: slots were given out in equal parts. */
async function firstHomeOf(nodes: readonly Started[], key: string): Promise<Started> {
  const slot = Number(await redisCli(nodes[0].address, "CLUSTER", "KEYSLOT", key));
  return nodes.find((_, node) => slot < Math.floor((node + 1) * HASH_SLOTS / nodes.length))!;
}

async function addReplica(nodes: readonly Started[], master: Started): Promise<Started> {
  const folder = `${master.folder}-replica`;
  await Deno.mkdir(folder);
  const replica = await startRedisServer({
    folder,
    args: ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"],
  });
  await redisCli(replica.address, "CLUSTER", "MEET", ...nodes[0].address.split(":"));
  const id = await idOf(master);
  while (!(await redisCli(replica.address, "CLUSTER", "REPLICATE", id)).includes("OK"));
  await untilReplicated(replica.address);
  return replica;
}

async function untilReplicated(address: string): Promise<void> {
  while (!(await redisCli(address, "INFO", "replication")).includes("master_link_status:up"));
}

async function startReplica(master: OwnRedis): Promise<OwnRedis> {
  const [host, port] = master.address.split(":");
  const replica = await OwnRedis.start(["--replicaof", `${host} ${port}`]);
  await untilReplicated(replica.address);
  return replica;
}

Deno.test("Redis: a replica that lacks the latest commits takes over: they are run again, with identical bytes", async () => {
  await using source = await OwnRedis.start();
  await using master = await OwnRedis.start();
  await using replica = await startReplica(master);
  await addOrders(source.address, input, ENTRIES);
  const to = `${master.address},${replica.address}`;
  await using job = new RedisJob({ from: source.address, to, input, feedRecords: FEED_RECORDS });
  const running = job.start();
  await job.untilLength(ENTRIES / 3);
  // It does not hear of its master any more.
  await redisCli(replica.address, "REPLICAOF", "127.0.0.1", "1");
  await job.untilLength(ENTRIES / 2);
  master.kill();
  await redisCli(replica.address, "REPLICAOF", "NO", "ONE");
  const said = await running.succeeded();
  assertStringIncludes(said, "they are run again and give the same bytes");
  assertEntries(await job.entries(replica.address), expected);
});

Deno.test("Redis: sentinels name another master, and the run follows", async () => {
  await using source = await OwnRedis.start();
  await using master = await OwnRedis.start();
  await using replica = await startReplica(master);
  await using sentinel = await startSentinel(master.address);
  await addOrders(source.address, input, ENTRIES);
  const options = { from: source.address, to: sentinel.address, toOptions: "?sentinel=main" };
  await using job = new RedisJob({
    ...options,
    input,
    feedRecords: FEED_RECORDS,
    probe: [master.address, replica.address],
  });
  const running = job.start();
  await job.untilLength(ENTRIES / 3);
  master.kill();
  await running.succeeded();
  assertEntries(await job.entries(replica.address), expected);
});

async function startSentinel(master: string): Promise<OwnRedis> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-sentinel-" });
  const [host, port] = master.split(":");
  await Deno.writeTextFile(
    `${folder}/sentinel.conf`,
    [
      `sentinel monitor main ${host} ${port} 1`,
      "sentinel down-after-milliseconds main 500",
      "sentinel failover-timeout main 2000",
    ].join("\n"),
  );
  const sentinel = await OwnRedis.startAs({ folder, arguments: [`${folder}/sentinel.conf`, "--sentinel"] });
  while (!(await redisCli(sentinel.address, "SENTINEL", "REPLICAS", "main")).includes("slave"));
  return sentinel;
}

Deno.test("Redis: with replicas=1 a commit counts when a replica has it; until then the run waits", async () => {
  await using master = await OwnRedis.start();
  await using replica = await startReplica(master);
  await addOrders(master.address, input, ENTRIES);
  await using job = new RedisJob({ from: master.address, input, feedRecords: FEED_RECORDS, toOptions: "?replicas=1" });
  const running = job.start();
  await job.untilLength(ENTRIES / 3);
  Deno.kill(replica.pid, "SIGSTOP");
  // The server counts clients that wait for replicas as blocked.
  while (!(await redisCli(master.address, "INFO", "clients")).includes("blocked_clients:1"));
  const stuck = await job.untilLength(0);
  // It has waited in vain, taken its task over anew, and waited again.
  const takeovers = async () => Number(/cmdstat_eval:calls=(\d+)/.exec(await stats())?.[1] ?? 0);
  const stats = () => redisCli(master.address, "INFO", "commandstats");
  for (const before = await takeovers(); await takeovers() < before + 2;);
  const later = await job.untilLength(0);
  assert(later - stuck <= FEED_RECORDS, `${later - stuck} entries were written without the replica`);
  Deno.kill(replica.pid, "SIGCONT");
  await running.succeeded();
  assertEntries(await job.entries(), expected);
});
