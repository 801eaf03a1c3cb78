/** A run keeps what its first start fixed, from the moment on at which it did something. */

import { assertEquals, assertRejects } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { SinkError } from "../../adapters/sink.ts";
import { JournalError } from "../../controller/journal/journal.ts";
import { runProcessor, type RunProcessorOptions } from "../../controller/run_processor.ts";
import { runCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

/** One that somebody else's outputs are in. */
class RefusingSink extends MemorySink {
  override acquire(): Promise<never> {
    return Promise.reject(new SinkError("Cannot write: it is not this run's", { code: "E_SINK_FOREIGN" }));
  }
}

const source = (name: string) => new MemorySource(name, { "0": [{ value: "1" }, { value: "2" }], "1": [] });
const ECHO = "context.emit({ value });";

type Given = Partial<RunProcessorOptions> & { readonly body?: string };

function start(folder: TestFolder, { body = ECHO, ...rest }: Given) {
  const ends = { from: { default: source("a") }, to: { default: new MemorySink() } };
  const processor = folder.write("p.ts", scriptOf(body, { isAsync: body.includes("await") }));
  return runProcessor({ processor, journal: folder.at("j.db"), ...ends, ...rest });
}

Deno.test("a run whose first start was refused begins anew with other ends, and replays", async () => {
  await using folder = new TestFolder();
  const refused = await start(folder, { to: { default: new RefusingSink("wrong") } });
  assertEquals(refused.failures.length > 0, true);
  const sink = new MemorySink("right");
  const notices: string[] = [];
  const observer = { onNotice: (text: string) => void notices.push(text) };
  const { failures, resumed } = await start(folder, {
    from: { default: source("b") },
    to: { default: sink },
    seed: 7,
    capture: "all",
    observer,
  });
  assertEquals([failures, resumed, sink.outputs.length], [[], false, 2]);
  assertEquals(notices, ["Run test has processed nothing yet: it begins anew, since its seed is another one"]);
  for (const command of [["journal", "verify"], ["replay", "test"]]) {
    const { code, stderr } = await runCli([...command, "--journal", "j.db"], { cwd: folder.path });
    assertEquals(code, 0, stderr);
  }
});

const DONE: Readonly<Record<string, Given>> = {
  "has processed records": {},
  "was halted by its first record": { body: "throw new Error('no');" },
  "has asked the world, and was halted then": {
    body: "await context.effect('ask', value); throw new Error('no');",
    effects: { ask: () => 1 },
  },
};

for (const [what, given] of Object.entries(DONE)) {
  Deno.test(`a run that ${what} keeps to its ends`, async () => {
    await using folder = new TestFolder();
    await start(folder, given);
    const error = await assertRejects(() => start(folder, { to: { default: new MemorySink("other") } }), JournalError);
    assertEquals(
      error.message,
      "Cannot resume run test: its sink is memory:memory, now memory:other is given; a run keeps its own, another one " +
        "has another --name",
    );
  });
}

Deno.test("a run whose first start was refused goes on as it is where nothing has changed", async () => {
  await using folder = new TestFolder();
  await start(folder, { to: { default: new RefusingSink() } });
  const { failures, resumed } = await start(folder, {});
  assertEquals([failures, resumed], [[], true]);
});
