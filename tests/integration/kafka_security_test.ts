/** TLS and SASL, by environment and by file; and a cluster that was not upgraded to transactions v2. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { type Broker, startKafka } from "../../tools/services/kafka.ts";
import { runProgram } from "../../tools/services/server.ts";
import { stop } from "../../tools/services/services.ts";
import { Cluster } from "../../adapters/kafka/protocol/cluster.ts";
import { transactionProtocolOf } from "../../adapters/kafka/protocol/transaction_protocol.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { freshTopic, kafkaAddress, writeTopic } from "../support/kafka.ts";
import { jobInput, KafkaJob } from "../support/kafka_job.ts";
import { TestFolder } from "../support/processor_script.ts";

const PASSWORD = "secret-1";
const MECHANISMS = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER";

/** What the broker's listeners with SASL are told. */
function saslProperties(listener: string): string[] {
  const name = `listener.name.${listener.toLowerCase()}`;
  const modules = "org.apache.kafka.common.security";
  const scram = `${modules}.scram.ScramLoginModule required;`;
  return [
    `${name}.sasl.enabled.mechanisms=${MECHANISMS}`,
    `${name}.plain.sasl.jaas.config=${modules}.plain.PlainLoginModule required user_ann="${PASSWORD}";`,
    `${name}.scram-sha-256.sasl.jaas.config=${scram}`,
    `${name}.scram-sha-512.sasl.jaas.config=${scram}`,
    `${name}.oauthbearer.sasl.jaas.config=${modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="ann";`,
  ];
}

interface World {
  readonly broker: Broker;
  readonly ca: string;
  readonly topic: string;
}

let opening: Promise<World> | undefined;

function world(): Promise<World> {
  return opening ??= (async () => {
    const folder = await Deno.makeTempDir({ prefix: "sluice-security-" });
    const keys = ["-keystore", "keys.p12", "-storetype", "PKCS12", "-storepass", PASSWORD, "-alias", "broker"];
    const names = ["-dname", "CN=localhost", "-ext", "SAN=dns:localhost,ip:127.0.0.1", "-validity", "2"];
    await runProgram("keytool", ["-genkeypair", "-keyalg", "RSA", ...keys, ...names], folder);
    const ca = join(folder, "ca.pem");
    await runProgram("keytool", ["-exportcert", "-rfc", "-file", ca, ...keys], folder);
    const broker = await startKafka(folder, {
      listeners: { TLS: "SSL", SASL: "SASL_PLAINTEXT", BOTH: "SASL_SSL" },
      properties: [
        ...["TLS", "BOTH"].flatMap((listener) => [
          `listener.name.${listener.toLowerCase()}.ssl.keystore.location=${join(folder, "keys.p12")}`,
          `listener.name.${listener.toLowerCase()}.ssl.keystore.password=${PASSWORD}`,
        ]),
        ...["SASL", "BOTH"].flatMap(saslProperties),
      ],
      format: ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
        "--add-scram",
        `${mechanism}=[name=ann,password=${PASSWORD}]`,
      ]).concat(["--feature", "transaction.version=0"]),
    });
    const topic = await freshTopic(1, broker.address);
    await writeTopic(topic, [{ partition: 0, key: null, value: "seen" }], broker.address);
    return { broker, ca, topic };
  })();
}

Deno.test.afterAll(async () => {
  await stop((await world()).broker);
});

async function tail(listener: string, env: Readonly<Record<string, string>>): Promise<CliResult> {
  const { broker, topic } = await world();
  return await runCli(["tail", `kafka://${broker.listeners[listener]}/${topic}`, "-e"], { env });
}

/** A token without signature, as Kafka's validator for development takes it (RFC 7519, 6). */
function unsecuredToken(): string {
  const nowS = Math.floor(Date.now() / 1000);
  const part = (value: object) =>
    new TextEncoder().encode(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true });
  return `${part({ alg: "none" })}.${part({ sub: "ann", iat: nowS, exp: nowS + 600 })}.`;
}

Deno.test("TLS, SASL PLAIN, SCRAM and OAUTHBEARER connect, by variables of the environment", async () => {
  const { ca } = await world();
  const user = { KAFKA_SASL_USERNAME: "ann", KAFKA_SASL_PASSWORD: PASSWORD };
  const tls = { KAFKA_SSL_CA_LOCATION: ca };
  const token = { KAFKA_SASL_MECHANISM: "OAUTHBEARER", KAFKA_SASL_OAUTHBEARER_TOKEN: unsecuredToken() };
  for (
    const [listener, env] of [
      ["TLS", tls],
      ["SASL", user],
      ["SASL", { ...user, KAFKA_SASL_MECHANISM: "SCRAM-SHA-256" }],
      ["SASL", { ...user, KAFKA_SASL_MECHANISM: "scram-sha-512" }],
      ["SASL", token],
      ["BOTH", { ...user, ...tls }],
      ["BOTH", { ...user, ...tls, KAFKA_SASL_MECHANISM: "SCRAM-SHA-512" }],
    ] as const
  ) {
    const { code, stdout, stderr } = await tail(listener, env);
    assertEquals([code, stdout, stderr], [0, "seen\n", ""], `${listener} ${Object.keys(env)}`);
  }
});

Deno.test("megabytes come through TLS as they were written", async () => {
  const { broker, ca } = await world();
  const topic = await freshTopic(1, broker.address);
  const values = Array.from({ length: 30_000 }, (_, i) => JSON.stringify({ i, filler: String(i).repeat(30) }));
  await writeTopic(topic, values.map((value) => ({ partition: 0, key: null, value })), broker.address);
  await using folder = new TestFolder();
  const args = ["run", "copy", "--from", `kafka://${broker.listeners.TLS}/${topic}`, "--to", "out.ndjson"];
  const options = { cwd: folder.path, env: { KAFKA_SSL_CA_LOCATION: ca } };
  const { code, stderr } = await runCli([...args, "--until-end", "--quiet"], options);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(folder.read("out.ndjson").trimEnd().split("\n"), values);
});

Deno.test("a file in the words of kcat and librdkafka connects too; a run reads and writes through it", async () => {
  const { broker, ca, topic } = await world();
  await using folder = new TestFolder();
  const lines = [
    "# how to connect",
    "security.protocol=SASL_SSL",
    `ssl.ca.location = ${ca}`,
    "sasl.mechanisms=SCRAM-SHA-256",
  ]
    .concat(["sasl.username=ann", `sasl.password=${PASSWORD}`]);
  const config = folder.write("client.properties", lines.join("\n"));
  const output = await freshTopic(1, broker.address);
  const at = (name: string) => `kafka://${broker.listeners.BOTH}/${name}?config=${config}`;
  const args = ["run", "copy", "--from", at(topic), "--to", at(output), "--until-end", "--quiet"];
  const { code, stderr } = await runCli(args, { cwd: folder.path });
  assertEquals([code, stderr], [0, ""]);
  assertEquals((await runCli(["tail", at(output), "-e"], { env: {} })).stdout, "seen\n");
  const token = folder.write("token", unsecuredToken());
  const bearer = folder.write(
    "bearer.properties",
    `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\nsasl.oauthbearer.token.file=${token}\n`,
  );
  const { listeners: { SASL } } = broker;
  assertEquals((await runCli(["tail", `kafka://${SASL}/${topic}?config=${bearer}`, "-e"])).stdout, "seen\n");
});

Deno.test("a wrong password, an unknown authority and a setting that is none are told in a sentence", async () => {
  const wrong = await tail("SASL", { KAFKA_SASL_USERNAME: "ann", KAFKA_SASL_PASSWORD: "wrong" });
  assertEquals(wrong.code, 1);
  assertStringIncludes(wrong.stderr, "Invalid username or password");
  const unknown = await tail("TLS", { KAFKA_SECURITY_PROTOCOL: "SSL" });
  assertEquals(unknown.code, 1);
  assertStringIncludes(unknown.stderr.toLowerCase(), "certificate");
  const missing = await tail("SASL", { KAFKA_SASL_USERNAME: "ann" });
  assertEquals(missing.code, 2);
  assertStringIncludes(missing.stderr, "set KAFKA_SASL_PASSWORD");
  const mechanism = await tail("SASL", { KAFKA_SASL_MECHANISM: "KERBEROS" });
  assertEquals(mechanism.code, 2);
  await using folder = new TestFolder();
  const { topic, broker } = await world();
  const config = folder.write("client.properties", "sasl.pasword=x\n");
  const typo = await runCli(["tail", `kafka://${broker.listeners.SASL}/${topic}?config=${config}`, "-e"]);
  assertEquals(typo.code, 2);
  assertStringIncludes(typo.stderr, "is no setting; known are");
  for (const { stderr } of [wrong, unknown, missing, mechanism, typo]) {
    assertEquals(stderr.includes("    at "), false, stderr);
  }
});

Deno.test("a cluster that has not been upgraded is spoken to in transactions v1, others in v2", async () => {
  const { broker: { address } } = await world();
  for (const [brokers, expected] of [[address, "v1"], [await kafkaAddress(), "v2"]]) {
    const cluster = await Cluster.connect({ brokers: [brokers] });
    assertEquals(await transactionProtocolOf(cluster), expected);
    cluster.close();
  }
  const input = await jobInput(address, 4, 1000);
  await using job = await KafkaJob.create({ address, input, feedRecords: 20 });
  const outcome = await job.finish();
  assertEquals(Object.values(outcome.outputs).flat().length, 1000);
});
