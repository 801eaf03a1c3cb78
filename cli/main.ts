/** The entry of the command line: `sluice`. */

import { main } from "./program.ts";

Deno.exitCode = await main(Deno.args);
