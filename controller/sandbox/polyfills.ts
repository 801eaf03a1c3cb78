/**
 * Web APIs that a bare realm lacks and that libraries take for granted: core-js has them written in the language itself,
 * so they can be evaluated inside the realm. They are bundled only for processors that mention them.
 */

import { isOurs } from "./own_files.ts";

const CORE_JS = "npm:core-js@3.51.0";

/** Global → the module that gives it to a realm. */
const POLYFILLS: Readonly<Record<string, string>> = {
  URL: `${CORE_JS}/web/url.js`,
  URLSearchParams: `${CORE_JS}/web/url-search-params.js`,
  structuredClone: `${CORE_JS}/web/structured-clone.js`,
  atob: `${CORE_JS}/stable/atob.js`,
  btoa: `${CORE_JS}/stable/btoa.js`,
};

/** The modules that the files behind `sourceMap` may need. */
export function polyfillsFor(sourceMap: string): readonly string[] {
  const { sources, sourcesContent = [] } = JSON.parse(sourceMap) as { sources: string[]; sourcesContent?: string[] };
  const texts = sources.flatMap((source, i) => isOurs(source) ? [] : [sourcesContent[i] ?? ""]);
  return Object.entries(POLYFILLS).flatMap(([name, module]) => {
    const mention = new RegExp(`\\b${name}\\b`);
    return texts.some((text) => mention.test(text)) ? [module] : [];
  });
}
