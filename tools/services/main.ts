/**
 * Real servers on this machine, for development and tests: `deno task services up kafka|redis|kinesis|dynamodb|s3|all`,
 * `down`, `status`. They listen on free loopback ports; their data lies in a temporary folder and goes when they go.
 */

import { down, running, type ServiceName, SERVICES, up } from "./services.ts";

const USAGE = `Usage: deno task services up ${SERVICES.join("|")}|all
       deno task services down [${SERVICES.join("|")}|all]
       deno task services status [--json]`;

function chosen(names: readonly string[]): readonly ServiceName[] {
  if (names.length === 0 || names.includes("all")) return SERVICES;
  for (const name of names) {
    if (!SERVICES.includes(name as ServiceName)) fail(`Cannot use ${name}: it is no service.\n${USAGE}`, 2);
  }
  return names as ServiceName[];
}

function fail(message: string, code: number): never {
  console.error(message);
  Deno.exit(code);
}

async function status(isJson: boolean): Promise<void> {
  const services = await running();
  if (isJson) return console.log(JSON.stringify(services));
  for (const name of SERVICES) {
    const service = services.find((each) => each.name === name);
    console.log(service ? `${name}\t${service.address}\tprocess ${service.pid}` : `${name}\tdown`);
  }
}

const [command, ...names] = Deno.args;
try {
  switch (command) {
    case "up":
      for (const name of chosen(names)) console.log(`${name}\t${(await up(name)).address}`);
      break;
    case "down":
      for (const name of chosen(names)) await down(name);
      break;
    case "status":
      await status(names.includes("--json"));
      break;
    default:
      fail(USAGE, 2);
  }
} catch (error) {
  fail((error as Error).message, 1);
}
