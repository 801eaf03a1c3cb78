/**
 * `sluice`, but it dies by SIGKILL after the step that `SLUICE_TEST_CRASH_AT` names, such as `prepared:3`; after `first` it
 * says so on its standard error and goes on: who kills it at random then hits work instead of a start. It has the limits in
 * `SLUICE_TEST_LIMITS` (JSON).
 */

import { main } from "../../cli/program.ts";

const crashAt = Deno.env.get("SLUICE_TEST_CRASH_AT");
let isFirst = crashAt === "first";

Deno.exitCode = await main(Deno.args, {
  limits: JSON.parse(Deno.env.get("SLUICE_TEST_LIMITS") ?? "{}"),
  observer: {
    onStep(step, _task, seq): void {
      if (isFirst) Deno.stderr.writeSync(new TextEncoder().encode("first step\n"));
      isFirst = false;
      if (crashAt !== `${step}:${seq}`) return;
      Deno.kill(Deno.pid, "SIGKILL");
      // The signal arrives with the next scheduling at the latest; nothing may happen in between.
      for (;;);
    },
  },
});
