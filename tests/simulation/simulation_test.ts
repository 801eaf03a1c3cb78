/** A few simulated worlds, as part of every test run; thousands are run by `deno task simulate` (docs/PROOF.md). */

import { assert, assertEquals } from "@std/assert";
import type { Acquired, Sink, SinkError } from "../../adapters/sink.ts";
import { noOutputs } from "../../controller/broken_record.ts";
import { Sandbox } from "../../controller/sandbox/sandbox.ts";
import { TestFolder } from "../support/processor_script.ts";
import { KafkaPlace, TRANSACTION_TIMEOUT_MS } from "./kafka/place.ts";
import { loadSimulatedProcessors } from "./processors.ts";
import { badlyServed, calm, crashingAt, type Scenario, type ScenarioLimits, scenarioOf } from "./scenario.ts";
import { simulate } from "./simulation.ts";
import { installNetwork, networkOf } from "./world/network.ts";
import { installPlatform } from "./world/platform.ts";
import { Machine, World } from "./world/world.ts";

const EMPTY_COMMIT = {
  run: "simulated",
  task: "0",
  epoch: 1n,
  outputs: noOutputs(),
  outputNames: ["default"],
  positions: [],
  digest: new Uint8Array(16),
};
const WORLDS = 80;
const FIRST_SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 20261126);
const processors = await loadSimulatedProcessors();
const LIMITS = { eventsMax: 10_000, timeMsMax: 3_600_000 };

/** Two processes over shards that split and merge, and a sink that may lose what it acknowledged. */
const SHARED: ScenarioLimits = { sources: ["kinesis"], sinks: ["redis"], processes: 2 };

/** What came to worlds later. */
const AS_IT_WAS = { otherSource: undefined, verify: 0 };

/** Worlds that found something that no smaller test shows; see CHANGELOG.md. */
const FOUND: readonly (readonly [seed: number, limits: ScenarioLimits, as?: Partial<Scenario>])[] = [
  [20002832, {}, AS_IT_WAS],
  [40000090, { processes: 1 }, AS_IT_WAS],
  [94000047, {}],
];

/** As a task does: until the sink can say. */
async function acquireAgain(sink: Sink, epoch = 1n): Promise<Acquired> {
  for (;;) {
    try {
      return await sink.acquire("0", epoch, undefined);
    } catch (error) {
      if (!(error as SinkError).isRetriable) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

async function outcomeOf(scenario: Scenario) {
  await using folder = new TestFolder();
  return await simulate(scenario, processors, folder.path);
}

Deno.test("simulated worlds in which everything fails: outputs are those of a calm one, and never anything else", async () => {
  console.log(`seeds from ${FIRST_SEED}`);
  const failed: string[] = [];
  let starts = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + WORLDS; seed++) {
    const outcome = await outcomeOf(scenarioOf(seed));
    starts += outcome.starts;
    if (outcome.error) failed.push(`seed ${seed}: ${outcome.error.message}`);
  }
  console.log(`${starts} starts of Sluice`);
  assertEquals(failed, []);
});

Deno.test("worlds in which something was wrong once are right", async () => {
  const failed: string[] = [];
  for (const [seed, limits, as] of FOUND) {
    const { error } = await outcomeOf({ ...scenarioOf(seed, limits), ...as });
    if (error) failed.push(`seed ${seed}: ${error.message}`);
  }
  assertEquals(failed, []);
});

Deno.test("a seed decides everything: two worlds of one seed have the same trace, those of two seeds have not", async () => {
  const digests: string[] = [];
  for (const limits of [{ sinks: ["kafka"] }, { sinks: ["redis"] }, { sinks: ["kinesis"] }, SHARED] as const) {
    for (const seed of [FIRST_SEED, FIRST_SEED + 1]) {
      const scenario = scenarioOf(seed, { sources: ["kinesis"], ...limits });
      const first = await outcomeOf(scenario);
      assertEquals((await outcomeOf(scenario)).trace.digest, first.trace.digest);
      digests.push(first.trace.digest);
    }
  }
  assertEquals(new Set(digests).size, digests.length);
});

Deno.test("of processes that share a run, one is killed after a step of a feed: the others have what it left", async () => {
  const failed: string[] = [];
  for (const seed of [100, 110]) {
    for (let step = 6; step <= 60; step += 6) {
      const { error } = await outcomeOf(crashingAt(scenarioOf(seed, SHARED), step));
      if (error) failed.push(`seed ${seed}, step ${step}: ${error.message}`);
    }
  }
  assertEquals(failed, []);
});

Deno.test("processes that share a run bring back what a sink has lost, also of shards that are closed", async () => {
  const failed: string[] = [];
  for (let seed = 20; seed < 30; seed++) {
    const { error } = await outcomeOf(badlyServed(scenarioOf(seed, SHARED)));
    if (error) failed.push(`seed ${seed}: ${error.message}`);
  }
  assertEquals(failed, []);
});

Deno.test("a sandbox that answers while its process is stopped is not given up", async () => {
  installPlatform();
  const world = new World(1);
  const machine = new Machine(world, "stopped");
  let told: string | undefined;
  machine.run(() => {
    const sandbox = new Sandbox("worker", ({ onReply }) => ({
      post: ({ id }) =>
        void world.schedule(machine, 900, "is answered", () => onReply({ id, message: { kind: "done" } })),
      kill: () => {},
    }));
    void sandbox.ask({ kind: "describe", code: "" }, 1000).then(({ kind }) => told = kind);
    machine.pause(3_600_000);
  });
  await world.runUntil(() => told !== undefined, LIMITS);
  assertEquals(told, "done");
});

Deno.test("bytes of a connection arrive in the order in which they were sent, also behind a time in which nothing does", async () => {
  const world = new World(1);
  const [client, server] = [new Machine(world, "client"), new Machine(world, "server")];
  const network = networkOf(client);
  const [arrived, answered]: number[][] = [[], []];
  network.listen(7, {
    machine: server,
    accept: (connection) => ({
      onData: (bytes) => {
        arrived.push(...bytes);
        connection.write(bytes);
      },
      onClose: () => {},
    }),
  });
  const socket = network.connect(client, 7);
  socket.on("data", (bytes: Uint8Array) => answered.push(...bytes));
  const numbers = Array.from({ length: 200 }, (_, i) => i);
  socket.on("connect", () => {
    for (const i of numbers) {
      world.schedule(client, i / 7, "sends", () => {
        if (i % 10 === 0) { for (const link of network.links) link.stall(1 / 3 + i / 11); }
        socket.write(Uint8Array.of(i));
      });
    }
  });
  await world.runUntil(() => answered.length === numbers.length, LIMITS);
  assertEquals([arrived, answered], [numbers, numbers]);
});

Deno.test("Kafka: whoever acquires a task again after a commit that broke off does not wait for its transaction to time out", async () => {
  installPlatform();
  installNetwork();
  for (let cutMs = 1; cutMs <= 30; cutMs++) {
    const world = new World(cutMs);
    const place = new KafkaPlace(world, calm(scenarioOf(1)));
    const machine = new Machine(world, "only");
    let tookMs: number | undefined;
    let failure: unknown;
    machine.run(() =>
      void (async () => {
        const sink = await place.openSink("only:1:1", "default");
        await acquireAgain(sink);
        world.schedule(machine, cutMs, "loses its connections", () => networkOf(machine).cutAll(() => true));
        await sink.commit({ ...EMPTY_COMMIT, seq: 0 }).catch(() => {});
        const startMs = world.nowMs;
        await acquireAgain(sink);
        tookMs = world.nowMs - startMs;
      })().catch((error) => failure = error)
    );
    await world.runUntil(() => tookMs !== undefined || failure !== undefined, { ...LIMITS, eventsMax: 100_000 });
    assertEquals(failure, undefined);
    assert(tookMs! < TRANSACTION_TIMEOUT_MS / 4, `cut after ${cutMs} ms, it took ${tookMs} ms`);
  }
});

Deno.test("Kafka: whoever acquires a task again sees what was committed for it, also when that is not marked yet", async () => {
  installPlatform();
  installNetwork();
  const world = new World(1);
  const place = new KafkaPlace(world, calm(scenarioOf(1)));
  const seen: (number | undefined)[] = [];
  let failure: unknown;
  const commitAndAcquire = async (): Promise<void> => {
    const sink = await place.openSink("only:1:1", "default");
    await acquireAgain(sink);
    for (let seq = 0; seq < 20; seq++) {
      await sink.commit({ ...EMPTY_COMMIT, seq });
      seen.push((await acquireAgain(sink)).checkpoint?.seq);
    }
  };
  new Machine(world, "only").run(() => void commitAndAcquire().catch((error) => failure = error));
  await world.runUntil(() => seen.length === 20 || failure !== undefined, { ...LIMITS, eventsMax: 100_000 });
  assertEquals([failure, seen], [undefined, Array.from({ length: 20 }, (_, seq) => seq)]);
});

Deno.test("Kafka: an owner whose takeover is committed and not yet marked does not take its predecessor for a successor", async () => {
  installPlatform();
  installNetwork();
  const world = new World(1);
  const place = new KafkaPlace(world, calm(scenarioOf(1)));
  const acquired: bigint[] = [];
  let failure: unknown;
  const acquireTwice = async (owner: string, epoch: bigint): Promise<void> => {
    const sink = await place.openSink(owner, "default");
    await acquireAgain(sink, epoch);
    // At once: markers take a while.
    acquired.push((await acquireAgain(sink, epoch)).epoch);
  };
  new Machine(world, "first").run(() => void acquireTwice("first:1:1", 1n).catch((error) => failure = error));
  await world.runUntil(() => acquired.length === 1 || failure !== undefined, LIMITS);
  new Machine(world, "second").run(() => void acquireTwice("second:1:2", 2n).catch((error) => failure = error));
  await world.runUntil(() => acquired.length === 2 || failure !== undefined, LIMITS);
  assertEquals([failure, acquired], [undefined, [1n, 2n]]);
});
