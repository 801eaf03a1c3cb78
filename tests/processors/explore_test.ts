/** Pipelines in the sandbox that runs use: the testing kit explores feeds, crashes and times. */

import { assertRejects } from "@std/assert";
import { generate } from "../../examples/nexmark/generator.ts";
import { ExplorationFailed, explore, type TestRecord } from "../../testing.ts";
import { TestFolder } from "../support/processor_script.ts";

const EVENTS = generate(900, { seed: 3, everyMs: 100 });
const query = (name: string): string => import.meta.resolve(`../../examples/nexmark/${name}.ts`);

/** The events of `kinds` in the order in which they would be merged. */
function records(...kinds: (keyof typeof EVENTS)[]): TestRecord[] {
  return kinds.flatMap((input) =>
    (EVENTS[input] as readonly { dateTime: number }[]).map((value) => ({ input, stream: input, value }))
  ).sort((a, b) => a.value.dateTime - b.value.dateTime);
}

for (
  const [name, ...inputs] of [["q5", "bids"], ["q6", "auctions", "bids"], ["q8", "people", "auctions"], [
    "q11",
    "bids",
  ]] as const
) {
  Deno.test(`Nexmark's ${name}: no split, crash or time between records changes it`, async () => {
    await explore(query(name), { records: records(...inputs), times: true, runs: 25 });
  });
}

Deno.test("an operator that keeps what it knows in memory alone is found out", async () => {
  await using folder = new TestFolder();
  const script = folder.write(
    "leaky.ts",
    `import { json, type Operator, pipeline } from "@sluice/sluice/pipeline";
const leaky: Operator<number, number> = {
  kind: "leaky",
  open(_, down) {
    let sum = 0;
    return { push: (value, key, timeMs) => down.push(sum += value, key, timeMs), advance: (ms) => down.advance(ms) };
  },
};
export default pipeline("leaky", ({ from }) => from(json<number>()).through(leaky).to(json()));`,
  );
  const numbers = [1, 2, 3].map((value) => ({ value }));
  await assertRejects(() => explore(new URL(`file://${script}`), { records: numbers, runs: 20 }), ExplorationFailed);
});
