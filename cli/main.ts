/** The entry of the command line: `sluice`. */

import { ROLE_VARIABLE } from "../controller/own_program.ts";

if (Deno.env.get(ROLE_VARIABLE) === "sandbox") await import("../controller/sandbox/child.ts");
const { main } = await import("./program.ts");
// Exits at once: a sandbox that is being torn down would hold the process for some milliseconds more.
Deno.exit(await main(Deno.args));
