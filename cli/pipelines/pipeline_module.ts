/** The module that a pipeline of a file becomes: what the sandbox runs. */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { PipelineSource } from "../../controller/sandbox/bundle.ts";
import { folderOf, type PipelineFile } from "./pipeline_file.ts";

const DECLARED = new URL("../../processors/declared/declared.ts", import.meta.url).href;

/** A pipeline of the file at `path` as a script; those that it uses are found from the folder of the file. */
export function pipelineSource(path: string, { spec, scripts }: PipelineFile): PipelineSource {
  return { spec, scripts, moduleOf: (text) => moduleOf(path, scripts, text) };
}

/** The text of the module around `spec`, the text of an expression. */
export function moduleOf(path: string, scripts: readonly string[], spec: string): string {
  const imports = scripts.map((script, i) => {
    const [file, name] = script.split("#");
    const url = JSON.stringify(pathToFileURL(resolve(folderOf(path), file)).href);
    return name === undefined ? `import own${i} from ${url};` : `import { ${name} as own${i} } from ${url};`;
  });
  const own = scripts.map((script, i) => `${JSON.stringify(script)}: own${i}`).join(", ");
  return [
    `import { declaredPipeline } from ${JSON.stringify(DECLARED)};`,
    ...imports,
    `export default declaredPipeline(${spec}, { ${own} });`,
    "",
  ].join("\n");
}
