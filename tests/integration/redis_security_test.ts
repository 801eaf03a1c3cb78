/** Who may do what, over which wire: users with few rights, TLS, sockets; and what is said to who may not. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { redisCli } from "../../tools/services/redis.ts";
import { freePorts, runProgram } from "../../tools/services/server.ts";
import { runCli } from "../support/cli.ts";
import { freshKey } from "../support/redis.ts";
import { addOrders, RedisJob } from "../support/redis_job.ts";
import { TestFolder } from "../support/processor_script.ts";
import { OwnRedis } from "../support/redis_servers.ts";

const ENTRIES = 200;
const PASSWORD = "secret";
/** What docs/REDIS.md says that a user needs. */
const READS = ["+xrange", "+xrevrange", "+xread", "+xinfo", "+multi", "+exec", "+exists"];
const WRITES = ["+eval", "+evalsha", "+script|load", "+info", "+hset", "+hmget", "+xadd", "+xtrim", "+xinfo"];
const BOTH = ["+hello", "+ping", "+type", "+client|id", "+client|unblock", "+info"];

Deno.test("Redis: a user with the rights that docs/REDIS.md names can run a job; with fewer, what is missing is named", async () => {
  await using server = await OwnRedis.start();
  const input = freshKey();
  await addOrders(server.address, input, ENTRIES);
  const env = { REDIS_USERNAME: "sluice", REDIS_PASSWORD: PASSWORD };
  const allow = async (commands: readonly string[]) => {
    const user = ["reset", "on", `>${PASSWORD}`, "~*", "&*", ...commands];
    assertEquals(await redisCli(server.address, "ACL", "SETUSER", "sluice", ...user), "OK");
  };
  const all = [...new Set([...READS, ...WRITES, ...BOTH])];
  await allow(all);
  await using job = new RedisJob({ from: server.address, input, env });
  await job.finish();
  assertEquals((await job.entries()).length, ENTRIES);
  for (const missing of ["+xrange", "+xadd", "+xtrim", "+evalsha"]) {
    await allow(all.filter((each) => each !== missing));
    await using refused = new RedisJob({ from: server.address, input, env, toOptions: "?maxlen=1000" });
    const { code, stderr } = await refused.run();
    assertEquals(code === 0, false, missing);
    assertStringIncludes(stderr.toLowerCase(), missing.slice(1));
    assertEquals((await refused.entries()).length, 0);
  }
  // What is needed only to wait: it ends the reader too, which does not ask again and again.
  await allow(all.filter((each) => each !== "+xread"));
  const tail = await runCli(["tail", `redis://${server.address}/${input}`], { env });
  assertEquals(tail.code === 0, false);
  assertStringIncludes(tail.stderr.toLowerCase(), "xread");
  const wrong = { ...env, REDIS_PASSWORD: "wrong" };
  await using refused = new RedisJob({ from: server.address, input, env: wrong });
  const { code, stderr } = await refused.run();
  assertEquals(code === 0, false);
  assertStringIncludes(stderr, "WRONGPASS");
});

Deno.test("Redis: TLS with an authority of one's own, and a socket in the file system", async () => {
  await using server = await OwnRedis.start();
  const { folder } = server;
  const openssl = (...args: readonly string[]) => runProgram("openssl", args, folder);
  const subject = ["-subj", "/CN=sluice-test", "-addext", "subjectAltName=IP:127.0.0.1"];
  await openssl(
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "2",
    "-keyout",
    "k.pem",
    "-out",
    "c.pem",
    ...subject,
  );
  const socket = `${folder}/redis.sock`;
  const tls = ["--tls-cert-file", `${folder}/c.pem`, "--tls-key-file", `${folder}/k.pem`, "--tls-auth-clients", "no"];
  const [, port] = server.address.split(":");
  const [tlsPort] = freePorts(1).map(String);
  server.kill();
  await server.startAgain([
    "--tls-port",
    tlsPort,
    ...tls,
    "--tls-ca-cert-file",
    `${folder}/c.pem`,
    "--unixsocket",
    socket,
  ]);
  await addOrders(server.address, "in", ENTRIES);
  const over = `rediss://127.0.0.1:${tlsPort}`;
  const read = (to: string) => runCli(["tail", to, "-e", "-c", "1", "-f", "%o %s"]);
  assertEquals((await read(`${over}/in?ca=${folder}/c.pem`)).stdout, `1-0 {"cents":1}`);
  assertStringIncludes((await read(`${over}/in`)).stderr, "self-signed certificate");
  assertEquals((await read(`redis+unix:${socket}?stream=in`)).stdout, `1-0 {"cents":1}`);
  const hash = `redis-hash://127.0.0.1:${tlsPort}/h?tls=true&ca=${folder}/c.pem`;
  assertEquals((await runCli(["put", hash, "-K", ":"], { stdin: "a:1\n" })).code, 0);
  assertEquals(await redisCli(server.address, "HGET", "h", "a"), "1");
  assertStringIncludes(
    (await read(`redis://u:p@127.0.0.1:${port}/in`)).stderr,
    "set REDIS_USERNAME and REDIS_PASSWORD",
  );
});

Deno.test("Redis: a run reads and writes the database that is named; one that it may not enter is refused, nothing goes elsewhere", async () => {
  await using server = await OwnRedis.start();
  const { address } = server;
  const [input, output] = [freshKey(), freshKey()];
  const inDatabase = (database: number, ...words: string[]) => redisCli(address, "-n", String(database), ...words);
  await inDatabase(0, "XADD", input, "*", "v", '"of 0"');
  await inDatabase(3, "XADD", input, "*", "v", '"of 3"');
  const copy = async (from: number, to: number, env = {}) => {
    const uris = ["--from", `redis://${address}/${input}?db=${from}`, "--to", `redis://${address}/${output}?db=${to}`];
    await using folder = new TestFolder();
    return await runCli(["run", "copy", ...uris, "--until-end", "--quiet"], { cwd: folder.path, env });
  };
  const { code, stderr } = await copy(3, 5);
  assertEquals([code, stderr], [0, ""]);
  assertEquals((await inDatabase(5, "XRANGE", output, "-", "+")).split("\n").slice(1), ["v", '"of 3"']);
  const user = ["reset", "on", `>${PASSWORD}`, "~*", "+@all", "-select"];
  await redisCli(address, "ACL", "SETUSER", "sluice", ...user);
  const locked = { REDIS_USERNAME: "sluice", REDIS_PASSWORD: PASSWORD };
  for (
    const [from, to, why, env] of [[99, 0, "out of range"], [0, 99, "out of range"], [3, 0, "select", locked]] as const
  ) {
    const refused = await copy(from, to, env);
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.stderr, why);
  }
  assertEquals(await inDatabase(0, "EXISTS", output), "0");
});
