/** What the totals must do. */

import { explore, testProcessor } from "@sluice/sluice/testing";
import type totals from "./totals.ts";

const TOTALS = import.meta.resolve("./totals.ts");

Deno.test("totals add up per customer, through a crash", async (t) => {
  const test = await testProcessor<typeof totals>(TOTALS);
  await test.send({ value: { id: "1", customer: "ann", cents: 500 } });
  await test.send({ value: { id: "2", customer: "bob", cents: 250 } });
  test.crash();
  await test.send({ value: { id: "3", customer: "ann", cents: 125 } });
  await t.assertSnapshot(test.snapshot());
});

Deno.test("totals are the same however the orders come", async () => {
  await explore<typeof totals>(TOTALS, {
    records: [1, 2, 3, 4, 5].map((n) => ({ value: { id: `${n}`, customer: n % 2 ? "ann" : "bob", cents: n * 100 } })),
  });
});
