/**
 * `sluice`, but it dies by SIGKILL after the step that `SLUICE_TEST_CRASH_AT` names, such as `prepared:3`, and has the
 * limits in `SLUICE_TEST_LIMITS` (JSON).
 */

import { main } from "../../cli/program.ts";

const crashAt = Deno.env.get("SLUICE_TEST_CRASH_AT");

Deno.exitCode = await main(Deno.args, {
  limits: JSON.parse(Deno.env.get("SLUICE_TEST_LIMITS") ?? "{}"),
  observer: {
    onStep(step, _task, seq): void {
      if (crashAt !== `${step}:${seq}`) return;
      Deno.kill(Deno.pid, "SIGKILL");
      // The signal arrives with the next scheduling at the latest; nothing may happen in between.
      for (;;);
    },
  },
});
