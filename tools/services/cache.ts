/** Where servers' programs are kept between runs, outside of the repository. */

import { join } from "node:path";

/** The folder for what services need. */
export function cacheFolder(): string {
  const { XDG_CACHE_HOME, HOME } = Deno.env.toObject();
  return join(XDG_CACHE_HOME ?? join(HOME ?? Deno.cwd(), ".cache"), "sluice-services");
}
