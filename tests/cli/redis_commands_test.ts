/** `sluice put | tail | streams | lag` on a real server, what runs print about Redis, and what is said to mistakes. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type CliResult, runCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";
import { freshKey, redisAddress, withRedis } from "../support/redis.ts";
import { addOrders } from "../support/redis_job.ts";

const { host, port } = await redisAddress();
const at = (name: string, scheme = "redis") => `${scheme}://${host}:${port}/${name}`;

async function sluice(args: readonly string[], stdin?: string, cwd?: string): Promise<CliResult> {
  return await runCli(args, { ...(stdin === undefined ? {} : { stdin }), ...(cwd === undefined ? {} : { cwd }) });
}

Deno.test("put writes keys and headers as fields, to streams, parts, hashes and lists; tail prints ids", async () => {
  const name = freshKey();
  const put = await sluice(["put", at(name), "-K", ":", "-H", "source=test"], 'ann:{"cents":5}\nno key\n');
  assertEquals([put.code, put.stderr], [0, `2 records written to ${at(name)}\n`]);
  const entries = await withRedis((redis) => redis.xrange(name, "-", "+"));
  assertEquals(entries.map(([, fields]) => fields), [
    ["v", '{"cents":5}', "k", "ann", "source", "test"],
    ["v", "no key", "source", "test"],
  ]);
  const tail = await sluice(["tail", `${at(name)}?key=k`, "-e", "-f", "%o|%k|%s\\n"]);
  assertEquals(tail.stdout, `${entries[0][0]}|ann|{"cents":5}\n${entries[1][0]}||no key\n`);
  const json = JSON.parse((await sluice(["tail", `${at(name)}?field=*`, "-e", "--json", "-o", "-1"])).stdout);
  assertEquals([json.offset, json.payload], [entries[1][0], '{"v":"no key","source":"test"}']);

  assertEquals((await sluice(["put", at(`${name}-p:0..1`), "-k", "a"], "1\n2\n")).code, 0);
  const lengths = await withRedis((redis) => Promise.all([0, 1].map((part) => redis.xlen(`${name}-p:${part}`))));
  assertEquals(lengths.toSorted(), [0, 2]);
  assertEquals((await sluice(["put", at(`${name}-h`, "redis-hash"), "-K", ":"], "a:1\nb:2\na:3\n")).code, 0);
  assertEquals(await withRedis((redis) => redis.hgetall(`${name}-h`)), { a: "3", b: "2" });
  assertEquals((await sluice(["put", at(`${name}-l`, "redis-list")], "1\n2\n")).code, 0);
  assertEquals(await withRedis((redis) => redis.lrange(`${name}-l`, 0, -1)), ["1", "2"]);
});

Deno.test("lag counts entries; streams shows streams, and the groups of one; a failed record is named by its id", async () => {
  await using folder = new TestFolder();
  const [input, output] = [freshKey(), freshKey()];
  await addOrders(`${host}:${port}`, input, 50);
  folder.write("p.ts", scriptOf(`if (value.cents === 31) throw new Error("no"); context.emit({ key, value });`));
  const run = ["run", "p.ts", "--from", `${at(input)}?group=shown`, "--to", at(output), "--name", "job"]
    .concat(["--until-end", "--quiet", "--feed-records", "10"]);
  const { stderr } = await sluice(run, undefined, folder.path);
  assertStringIncludes(stderr, `Cannot process ${input}/0@31-0`);
  const lag = await sluice(["lag", "--json"], undefined, folder.path);
  const row = JSON.parse(lag.stdout);
  assertEquals([row.position, row.end, row.lag], ["30-1", "50-1", "20"]);
  const table = await sluice(["streams", at(`${input},${output}`)]);
  assertMatch(table.stdout, new RegExp(`${input}\\s+50\\s+50\\s+1-0\\s+50-0`));
  assertMatch(table.stdout, /shown\s+30-0\s+20\s+0/);
  const [found] = (await sluice(["streams", at(output), "--json"])).stdout.trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  assertEquals([found.stream, found.length], [output, 30]);
  assertStringIncludes((await sluice(["streams", `redis://${host}:${port}`])).stdout, input);
  const shown = await sluice(["journal", "show", "job", "--feeds", "0"], undefined, folder.path);
  assertStringIncludes(shown.stdout, `${input}/0 0-0 to 10-1: 10 records`);
  const mended = await sluice(["replay", "job", "--offsets", `${input}/0:11-0..12-0`], undefined, folder.path);
  assertStringIncludes(mended.stderr, "1 feed, 10 records replayed");
});

Deno.test("a run into a list says that it is at least once; one into a hash is exactly once and says nothing", async () => {
  await using folder = new TestFolder();
  const [input, output] = [freshKey(), freshKey()];
  await addOrders(`${host}:${port}`, input, 20);
  folder.write("p.ts", scriptOf(`context.emit({ key, value: value.cents });`));
  for (const scheme of ["redis-list", "redis-hash"]) {
    const to = at(`${output}-${scheme}`, scheme);
    const args = [
      "run",
      "p.ts",
      "--from",
      `${at(input)}?key=k`,
      "--to",
      to,
      "--name",
      scheme,
      "--until-end",
      "--quiet",
    ];
    const { code, stderr } = await sluice(args, undefined, folder.path);
    assertEquals([code, stderr.includes("at least once")], [0, scheme === "redis-list"], stderr);
  }
  const hash = await withRedis((redis) => redis.hgetall(`${output}-redis-hash`));
  assertEquals(hash, { c0: "14", c1: "15", c2: "16", c3: "17", c4: "18", c5: "19", c6: "20" });
  assertEquals(await withRedis((redis) => redis.llen(`${output}-redis-list`)), 20);
});

Deno.test("mistakes in a URI are told in a sentence, with what is wanted", async () => {
  const said = async (uri: string, command = "tail") => (await sluice([command, uri], "x\n")).stderr;
  assertStringIncludes(await said("redis://127.0.0.1:1/s"), "ECONNREFUSED");
  assertStringIncludes(await said(`redis://${host}:${port}`), "it names no stream");
  assertStringIncludes(await said(`${at("s")}?feild=v`), "Did you mean field?");
  assertStringIncludes(await said(`${at("s")}?start=soon`), "an id, a time (ISO 8601), -N or s@ms is wanted");
  assertStringIncludes(await said(at("s", "redis-hash")), "streams can be read");
  assertStringIncludes(await said(at("s:*"), "put"), "s:0..3, for four, is wanted");
  assertStringIncludes(await said(`${at("s")}?maxlen=5&maxage=5s`, "put"), "not by both");
  assertStringIncludes(await said(`${at("s")}?maxage=soon`, "put"), "90s, 15min, 12h, 7d");
  assertStringIncludes(await said("redis+unix:?stream=s"), "redis+unix:/path/to/socket?stream=name");
  assertStringIncludes(await said(at("missing-" + freshKey()), "streams"), "there is none");
});

Deno.test("a stream that is not there may come later, or its name has a mistake: that is said", async () => {
  await using folder = new TestFolder();
  const key = `missing-${freshKey()}`;
  const tail = await sluice(["tail", at(key), "-e"]);
  assertEquals([tail.code, tail.stdout], [0, ""]);
  assertEquals(tail.stderr, `There is no stream ${key} yet: nothing is read of it\n`);
  const args = ["run", "copy", "--from", at(key), "--to", "out", "--until-end"];
  assertStringIncludes((await sluice(args, undefined, folder.path)).stderr, `There is no stream ${key} yet`);
});
