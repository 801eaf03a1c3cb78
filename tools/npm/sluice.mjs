#!/usr/bin/env node
// Sluice runs on Deno, which npm installs beside it; this hands the command line on, and signals with it.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const home = join(dirname(fileURLToPath(import.meta.url)), "sluice");
const deno = join(dirname(require.resolve("deno/package.json")), "bin.cjs");
const args = ["run", "--quiet", "-A", "--config", join(home, "deno.json"), join(home, "cli/main.ts")];
const child = spawn(process.execPath, [deno, ...args, ...process.argv.slice(2)], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(signal ? 128 + ({ SIGINT: 2, SIGTERM: 15 }[signal] ?? 1) : code ?? 1));
