/** The module that a pipeline of a file becomes: what the sandbox runs. */

import { resolve, toFileUrl } from "@std/path";
import { folderOf, type PipelineFile } from "./pipeline_file.ts";

const DECLARED = new URL("../../processors/declared/declared.ts", import.meta.url).href;

/** The text of the module; scripts are found from the folder of the file. */
export function pipelineModule(path: string, { spec, scripts }: PipelineFile): string {
  const imports = scripts.map((script, i) => {
    const [file, name] = script.split("#");
    const url = JSON.stringify(toFileUrl(resolve(folderOf(path), file)).href);
    return name === undefined ? `import own${i} from ${url};` : `import { ${name} as own${i} } from ${url};`;
  });
  const own = scripts.map((script, i) => `${JSON.stringify(script)}: own${i}`).join(", ");
  return [
    `import { declaredPipeline } from ${JSON.stringify(DECLARED)};`,
    ...imports,
    `export default declaredPipeline(${JSON.stringify(spec)}, { ${own} });`,
    "",
  ].join("\n");
}
