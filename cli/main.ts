/** The entry of the command line: `sluice`. */

import { main } from "./program.ts";

// Exits at once: a sandbox that is being torn down would hold the process for some milliseconds more.
Deno.exit(await main(Deno.args));
