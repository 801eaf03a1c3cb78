/** The simulated table of a world whose run is shared: its store and its leases, and when they cannot be reached. */

import { DynamoDbLeaseTable } from "../../../adapters/dynamodb/lease_table.ts";
import { RunTable } from "../../../adapters/dynamodb/table.ts";
import { DynamoDbTaskStore } from "../../../adapters/dynamodb/task_store.ts";
import type { RoamingOptions } from "../../../controller/roaming/roaming_group.ts";
import { NOWHERE, type RequestFault, serve } from "../aws/http.ts";
import type { Scenario } from "../scenario.ts";
import { Machine, type World } from "../world/world.ts";
import { SimulatedDynamoDb } from "./simulated_dynamodb.ts";

const ADDRESS = { region: "us-east-1", endpoint: "http://127.0.0.1:4568", table: "sluice" };
const RUN = "simulated";
const OUTAGE_MS = { from: 100, to: 60_000 };

/** To be awaited before the first world, as for Kinesis. */
export async function warmUpDynamoDb(): Promise<void> {
  const table = new RunTable({ ...ADDRESS, endpoint: NOWHERE }, RUN);
  await table.create().catch(() => {});
  table.close();
}

/** See the module. */
export class SharedTable {
  readonly #world: World;
  readonly #scenario: Scenario;
  #isCalm = false;
  /** Until then nobody reaches it. */
  #downUntilMs = 0;

  constructor(world: World, scenario: Scenario) {
    this.#world = world;
    this.#scenario = scenario;
    const dynamoDb = new SimulatedDynamoDb();
    serve({
      machine: new Machine(world, "dynamodb"),
      target: "DynamoDB_20120810",
      do: (action, request) => dynamoDb.do(action, request),
      faultOf: () => this.#fault(),
    });
  }

  /** For one process, called as its machine. */
  async open(owner: string): Promise<RoamingOptions> {
    const store = await DynamoDbTaskStore.open({ ...ADDRESS, run: RUN });
    return { store, leases: new DynamoDbLeaseTable(ADDRESS, RUN), owner, leaseMs: this.#scenario.leaseMs };
  }

  /** It cannot be reached for a while. */
  disturb(): void {
    const { chance, nowMs } = this.#world;
    this.#downUntilMs = nowMs + chance.skewed(OUTAGE_MS.from, OUTAGE_MS.to);
    this.#world.note("the shared table cannot be reached");
  }

  /** Nothing fails any more. */
  restore(): void {
    this.#isCalm = true;
  }

  #fault(): RequestFault {
    const { faults } = this.#scenario;
    const { chance, nowMs } = this.#world;
    if (this.#isCalm) return undefined;
    if (nowMs < this.#downUntilMs) return "lost before";
    if (chance.happens(2 * faults.cut)) return chance.pick(["lost before", "lost after", "late"]);
    return chance.happens(2 * faults.stall) ? "throttled" : undefined;
  }
}
