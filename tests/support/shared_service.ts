/**
 * Real servers that tests share: those of `deno task services`, or else one that a file of tests starts and that ends with
 * it. That one is known to nobody else: whoever found it would lose it in the middle.
 */

import { running, type ServiceName, start, type Started } from "../../tools/services/services.ts";

const services = new Map<ServiceName, Promise<Started>>();

/** The server called `name`. */
export function sharedService(name: ServiceName): Promise<Started> {
  const service = services.get(name) ?? findOrStart(name);
  services.set(name, service);
  return service;
}

async function findOrStart(name: ServiceName): Promise<Started> {
  const known = (await running()).find((service) => service.name === name);
  if (known) return known;
  const { pid, folder, address } = await start(name);
  // What is asynchronous is not waited for any more.
  globalThis.addEventListener("unload", () => {
    Deno.kill(pid, "SIGKILL");
    try {
      Deno.removeSync(folder, { recursive: true });
    } catch {
      // It wrote with its last breath.
    }
  });
  return { pid, folder, address };
}
