/** `sluice put | tail | streams | lag` on an emulator, and what is said to mistakes. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DeleteStreamCommand } from "@aws-sdk/client-kinesis";
import { runCli } from "../support/cli.ts";
import { freshStream, kinesisEndpoint, mergeShards, splitShard, withKinesis } from "../support/kinesis.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const endpoint = await kinesisEndpoint();
const at = (stream: string, query = "") => `kinesis://us-east-1/${stream}?endpoint=${endpoint}${query}`;

async function sluice(args: readonly string[], stdin?: string, cwd?: string) {
  return await runCli(args, { ...(stdin === undefined ? {} : { stdin }), ...(cwd === undefined ? {} : { cwd }) });
}

Deno.test("put writes lines with their keys; tail prints them with sequence numbers, from a time on", async () => {
  const { stream } = await freshStream(1);
  const put = await sluice(["put", at(stream), "-K", ":"], 'ann:{"cents":5}\nno key\n');
  assertEquals([put.code, put.stderr], [0, `2 records written to ${at(stream)}\n`]);
  const tail = await sluice(["tail", at(stream), "-e", "-f", "%p %o %k %s\\n"]);
  const [first, second] = tail.stdout.trim().split("\n");
  assertMatch(first, /^shardId-000000000000 \d{50,56} (?:ann|0-1) /);
  assertMatch(second, /^shardId-000000000000 \d{50,56} /);
  assertEquals([first, second].map((line) => line.split(" ").slice(3).join(" ")).sort(), ["no key", '{"cents":5}']);
  const json = JSON.parse((await sluice(["tail", at(stream), "-e", "--json"])).stdout.split("\n")[0]);
  assertEquals([json.topic, json.partition, typeof json.offset], [stream, "shardId-000000000000", "string"]);
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const none = await sluice(["tail", at(stream), "-e", "-o", later]);
  assertEquals([none.code, none.stdout, none.stderr], [0, "", ""]);
});

Deno.test("streams shows shards, what they came out of and the keys they hold; lag says how long records have waited", async () => {
  const { stream } = await freshStream(2);
  await withKinesis(async (client) => {
    await splitShard(client, stream, 0);
    await mergeShards(client, stream, 1);
  });
  const table = (await sluice(["streams", at(stream)])).stdout;
  assertMatch(table, new RegExp(`${stream}\\s+ACTIVE\\s+PROVISIONED\\s+2\\s+3\\s+1 d\\s+NONE`));
  assertMatch(table, /shardId-000000000002\s+open\s+25.0 %\s+0\s+\d+\s+shardId-000000000000\n/);
  assertMatch(table, /shardId-000000000004\s+open\s+75.0 %.+shardId-000000000003, shardId-000000000001\n/);
  const { shards, retentionHours } = JSON.parse((await sluice(["streams", at(stream), "--json"])).stdout);
  assertEquals([shards.length, retentionHours], [5, 24]);
  assertStringIncludes((await sluice(["streams", `kinesis://us-east-1?endpoint=${endpoint}`])).stdout, stream);

  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("context.emit({ key, value });"));
  const from = at(stream, "&callsPerSecond=50");
  const run = ["run", "p.ts", "--from", from, "--to", "out/", "--name", "job", "--until-end", "--quiet"];
  await sluice(["put", at(stream), "-k", "a"], "1\n");
  assertEquals((await sluice(run, undefined, folder.path)).code, 0);
  const lag = async () => {
    const { stdout } = await sluice(["lag", "--json"], undefined, folder.path);
    return stdout.trim().split("\n").map((line) => JSON.parse(line) as { partition: string; behindMs: number });
  };
  assertEquals((await lag()).map(({ behindMs }) => behindMs), [0, 0]);
  await sluice(["put", at(stream), "-k", "a"], "2\n");
  const behind = await lag();
  // The shards that were closed belong to nobody any more.
  assertEquals(behind.map(({ partition }) => partition).sort(), ["shardId-000000000002", "shardId-000000000004"]);
  assert(behind.some(({ behindMs }) => behindMs > 0));
});

Deno.test("streams shows all of them where a listing comes in pages of a hundred", async () => {
  const names: string[] = [];
  try {
    while (names.length <= 100) names.push((await freshStream()).stream);
    const { stdout } = await sluice(["streams", `kinesis://us-east-1?endpoint=${endpoint}`]);
    for (const name of names) assertStringIncludes(stdout, name);
  } finally {
    await withKinesis((client) =>
      Promise.all(names.map((StreamName) => client.send(new DeleteStreamCommand({ StreamName }))))
    );
  }
});

Deno.test("mistakes are told in a sentence", async () => {
  const cases: readonly (readonly [args: readonly string[], code: number, says: string])[] = [
    [["streams", "kinesis://orders"], 2, "kinesis://REGION/STREAM is wanted"],
    [["streams", at("nobody")], 1, "there is no such stream in us-east-1"],
    [["tail", at("nobody"), "-e"], 1, "there is no such stream in us-east-1"],
    [["tail", at("nobody"), "-o", "-10"], 2, "start is -10; earliest, latest, a time (ISO 8601) or s@ms is wanted"],
    [["put", at("nobody")], 1, "us-east-1; aws kinesis create-stream --stream-name nobody makes it"],
    [["put", `kinesis://us-east-1/?endpoint=${endpoint}`], 2, "kinesis://REGION/STREAM is wanted"],
    [["put", at("nobody"), "-H", "a=b"], 1, "streams have no headers"],
  ];
  for (const [args, code, says] of cases) {
    const result = await sluice(args, "1\n");
    assertEquals(result.code, code, `${args.join(" ")}: ${result.stderr}`);
    assertStringIncludes(result.stderr, says);
  }
});

Deno.test("who has no credentials is told what gives them", async () => {
  const nowhere = { AWS_SHARED_CREDENTIALS_FILE: "/dev/null", AWS_CONFIG_FILE: "/dev/null" };
  const nobody = { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "", AWS_EC2_METADATA_DISABLED: "true" };
  const { code, stderr } = await runCli(["streams", "kinesis://eu-central-1"], { env: { ...nowhere, ...nobody } });
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "there are no credentials; set AWS_ACCESS_KEY_ID");
});
