/** What a user may do: the table of docs/KAFKA.md is enough, and whoever lacks one of its lines is told which. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type AclEntry, AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from "kafkajs";
import { type Broker, startKafka } from "../../tools/services/kafka.ts";
import { stop } from "../../tools/services/services.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { freshTopic, readTopic, withAdmin, writeTopic } from "../support/kafka.ts";
import { TestFolder } from "../support/processor_script.ts";

const PASSWORD = "secret-1";
const { TOPIC, GROUP, TRANSACTIONAL_ID } = AclResourceTypes;
const { READ, WRITE, CREATE, ALTER, DESCRIBE, DESCRIBE_CONFIGS } = AclOperationTypes;

let opening: Promise<Broker> | undefined;

/** Whoever comes without a name may do all, ann what she was allowed. */
function world(): Promise<Broker> {
  return opening ??= (async () => {
    const plain = "org.apache.kafka.common.security.plain.PlainLoginModule required";
    return await startKafka(await Deno.makeTempDir({ prefix: "sluice-permissions-" }), {
      listeners: { SASL: "SASL_PLAINTEXT" },
      properties: [
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users=User:ANONYMOUS",
        "listener.name.sasl.sasl.enabled.mechanisms=PLAIN",
        `listener.name.sasl.plain.sasl.jaas.config=${plain} user_ann="${PASSWORD}";`,
      ],
    });
  })();
}

Deno.test.afterAll(async () => await stop(await world()));

interface Permission {
  readonly on: AclResourceTypes;
  readonly name: string;
  readonly operations: readonly AclOperationTypes[];
}

/** Gives ann `permissions`. */
async function allow(permissions: readonly Permission[]): Promise<void> {
  const acl = permissions.flatMap(({ on, name, operations }) =>
    operations.map((operation): AclEntry => ({
      resourceType: on,
      resourceName: name,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: "User:ann",
      host: "*",
      operation,
      permissionType: AclPermissionTypes.ALLOW,
    }))
  );
  await withAdmin((admin) => admin.createAcls({ acl }), (await world()).address);
}

interface Try {
  readonly result: CliResult;
  readonly values: readonly (string | null)[];
}

/** Copies a topic as ann, with the permissions that `without` leaves her. */
async function copyWithout(without: (permission: Permission) => boolean): Promise<Try> {
  const { address, listeners } = await world();
  const [input, output] = [await freshTopic(1, address), await freshTopic(1, address)];
  const run = `run-${crypto.randomUUID()}`;
  await writeTopic(input, [{ partition: 0, key: null, value: "seen" }], address);
  const permissions: readonly Permission[] = [
    { on: TOPIC, name: input, operations: [READ, DESCRIBE] },
    { on: TOPIC, name: output, operations: [WRITE, DESCRIBE, DESCRIBE_CONFIGS] },
    { on: TOPIC, name: `${run}-checkpoints`, operations: [CREATE, ALTER, READ, WRITE, DESCRIBE] },
    { on: TRANSACTIONAL_ID, name: run, operations: [WRITE, DESCRIBE] },
    { on: GROUP, name: run, operations: [READ] },
  ];
  const names = new Map([[input, "input"], [output, "output"], [`${run}-checkpoints`, "checkpoints"], [run, "run"]]);
  await allow(permissions.filter((each) => !without({ ...each, name: names.get(each.name)! })));
  await using folder = new TestFolder();
  const uri = (topic: string) => `kafka://${listeners.SASL}/${topic}`;
  const args = ["run", "copy", "--from", uri(input), "--to", uri(output), "--name", run, "--until-end", "--quiet"];
  const env = { KAFKA_SASL_USERNAME: "ann", KAFKA_SASL_PASSWORD: PASSWORD };
  const result = await runCli(args, { cwd: folder.path, env });
  return { result, values: (await readTopic(output, address)).map(({ value }) => value) };
}

Deno.test("the permissions that the documentation names are enough", async () => {
  const { result, values } = await copyWithout(() => false);
  assertEquals([result.code, result.stderr, values], [0, "", ["seen"]]);
});

const MISSING: Readonly<Record<string, string>> = {
  input: "needs READ",
  output: "needs WRITE",
  checkpoints: "CREATE, ALTER, READ and WRITE on the checkpoints",
  [`run ${TRANSACTIONAL_ID}`]: "needs WRITE on the transactional id",
  [`run ${GROUP}`]: "needs READ on the group",
};

for (const [missing, told] of Object.entries(MISSING)) {
  Deno.test(`without permissions on ${missing.replace(/ .*/, "")} (${told}) a run stops and says which`, async () => {
    const [name, on] = missing.split(" ");
    const { result: { code, stderr }, values } = await copyWithout((each) =>
      each.name === name && (on === undefined || String(each.on) === on)
    );
    assertEquals([code, values], [1, []]);
    assertStringIncludes(stderr, told);
    assertStringIncludes(stderr, "Cannot ");
    assertEquals(stderr.includes("    at "), false);
  });
}
