/** Pipelines of one file, which share process, sandbox and journal: killed after steps, each ends as if it were alone. */

import { assertEquals } from "@std/assert";
import { runCli } from "../support/cli.ts";
import { TestFolder } from "../support/processor_script.ts";

const RECORDS = 2000;
const STEPS: Readonly<Record<string, string>> = {
  large: "- filter: cents > 500\n- project: { id: id, user: user }",
  minutes: "- key: user\n- window: { tumbling: 1m, aggregate: { n: count, cents: { sum: cents } } }",
  once: "- dedupe: { by: user, ttl: 10s }",
};

function pipelineOf([name, steps]: readonly [string, string]): string {
  return `
  - name: ${name}
    from: file:clicks.ndjson?time=at
    steps:
${steps.replaceAll(/^/gm, "      ")}
    to: file:${name}.ndjson
    run: { until-end: true, feed-records: 50 }
`;
}

function projectWith(names: readonly string[]): TestFolder {
  const folder = new TestFolder();
  const clicks = Array.from(
    { length: RECORDS },
    (_, i) =>
      JSON.stringify({ id: i, user: `u${(i * 7919) % 50}`, cents: (i * 31) % 977, at: 1_700_000_000_000 + i * 300 }),
  );
  folder.write("clicks.ndjson", clicks.join("\n") + "\n");
  folder.write("p.yaml", `pipelines:${names.map((name) => pipelineOf([name, STEPS[name]])).join("")}`);
  return folder;
}

Deno.test("pipelines of a file, killed after every step, each write what they write alone, and replay", async () => {
  const names = Object.keys(STEPS);
  await using folder = projectWith(names);
  let seq = 0;
  for (const step of ["sealed", "processed", "prepared", "committed", "settled"]) {
    const { signal, stderr } = await runCli(["run", "p.yaml"], { cwd: folder.path, crashAt: `${step}:${seq}` });
    assertEquals(signal, "SIGKILL", `${step}:${seq} was never reached: ${stderr}`);
    seq += 6;
  }
  const { code, stderr } = await runCli(["run", "p.yaml"], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  for (const name of names) {
    await using alone = projectWith([name]);
    assertEquals((await runCli(["run", "p.yaml"], { cwd: alone.path })).code, 0);
    assertEquals(folder.read(`${name}.ndjson`), alone.read(`${name}.ndjson`), name);
    const replayed = await runCli(["replay", name], { cwd: folder.path });
    assertEquals(replayed.code, 0, replayed.stderr);
  }
});
