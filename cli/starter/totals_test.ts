/** What the totals must do. */

import { MemorySink, MemorySource, runProcessor } from "@sluice/sluice";

Deno.test("totals add up per customer", async () => {
  const totals = new MemorySink();
  await runProcessor({
    processor: new URL("./totals.ts", import.meta.url).pathname,
    from: {
      default: new MemorySource("orders", {
        "0": [
          { value: '{"id":"1","customer":"ann","cents":500}' },
          { value: '{"id":"2","customer":"bob","cents":250}' },
          { value: '{"id":"3","customer":"ann","cents":125}' },
        ],
      }),
    },
    to: { default: totals },
    journal: await Deno.makeTempDir() + "/journal.db",
  });
  const values = totals.outputs.map(({ value }) => value).join(" ");
  const expected = '{"customer":"ann","cents":500} {"customer":"bob","cents":250} {"customer":"ann","cents":625}';
  if (values !== expected) throw new Error(`expected ${expected}, got ${values}`);
});
