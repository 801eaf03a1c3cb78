/** Processor scripts for tests, written to a folder of their own: far from any deno.json. */

import { join } from "node:path";

/** A folder that is removed when it is disposed of. */
export class TestFolder implements AsyncDisposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "sluice-test-" });

  /** Writes a file and answers its path. */
  write(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    Deno.mkdirSync(join(path, ".."), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(path, content);
    else Deno.writeFileSync(path, content);
    return path;
  }

  at(name: string): string {
    return join(this.path, name);
  }

  read(name: string): string {
    return Deno.readTextFileSync(this.at(name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** The source of a processor over JSON with `body` as the body of `process({ value, key, … }, context)`. */
export function scriptOf(body: string, { isAsync = false, extra = "" } = {}): string {
  return `import { defineProcessor, json, text, bytes } from "@sluice/sluice/processor";
let moduleCounter = 0;
export default defineProcessor({
  name: "test", input: json<any>(), output: json<any>(),
  ${
    isAsync
      ? "async "
      : ""
  }process(record, context) { const { value, key } = record; void moduleCounter; void key; void value; ${body} },
  ${extra}
});
`;
}
