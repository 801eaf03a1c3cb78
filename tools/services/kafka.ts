/** Kafka 4.1.1 in KRaft mode, one node, from Maven's jars. */

import { join } from "@std/path";
import { cacheFolder } from "./cache.ts";
import { freePorts, isListening, requireProgram, runProgram, startServer } from "./server.ts";
import type { Started } from "./services.ts";

const VERSION = "4.1.1";

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sluice</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka-streams</artifactId><version>${VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`;

/** How a broker is set up. */
export interface KafkaOptions {
  /** Lines of `server.properties` besides the usual ones. */
  readonly properties?: readonly string[];
  /** Feature levels to format the log with, such as `transaction.version=1`. */
  readonly features?: readonly string[];
}

/** Starts a broker whose data lies in `folder`. */
export async function startKafka(folder: string, options: KafkaOptions = {}): Promise<Started> {
  const jars = await kafkaJars();
  const [port, controllerPort] = freePorts(2);
  const config = join(folder, "server.properties");
  await Deno.writeTextFile(
    config,
    [...properties(folder, port, controllerPort), ...options.properties ?? []].join("\n"),
  );
  const storage = (args: readonly string[]) =>
    runProgram("java", ["-cp", `${jars}/*`, "kafka.tools.StorageTool", ...args], folder);
  const id = (await storage(["random-uuid"])).trim().split("\n").at(-1)!;
  const features = (options.features ?? []).flatMap((feature) => ["--feature", feature]);
  await storage(["format", "--standalone", "-t", id, "-c", config, ...features]);
  const pid = await startBroker(folder, port);
  return { pid, address: `127.0.0.1:${port}`, folder };
}

/** Starts the broker of `folder` again, after it was killed. */
export async function startBroker(folder: string, port: number): Promise<number> {
  const jars = await kafkaJars();
  return await startServer({
    program: "java",
    args: ["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=4", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
      .concat(["-cp", `${jars}/*`, "kafka.Kafka", join(folder, "server.properties")]),
    folder,
    isReady: () => isListening(port),
  });
}

/** The folder of Kafka's jars; fetched at the first call. */
export async function kafkaJars(): Promise<string> {
  await requireProgram("java", "apt-get install -y openjdk-17-jre-headless");
  const folder = join(cacheFolder(), `kafka-${VERSION}`);
  if (await isComplete(folder)) return folder;
  await requireProgram("mvn", "apt-get install -y maven");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "pom.xml"), POM);
  await runProgram(
    "mvn",
    ["-q", "-f", "pom.xml", "dependency:copy-dependencies", `-DoutputDirectory=${folder}`],
    folder,
  );
  return folder;
}

async function isComplete(folder: string): Promise<boolean> {
  try {
    return (await Deno.stat(join(folder, `kafka-streams-${VERSION}.jar`))).isFile;
  } catch {
    return false;
  }
}

function properties(folder: string, port: number, controllerPort: number): string[] {
  const listeners = `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`;
  return [
    "process.roles=broker,controller",
    "node.id=1",
    `controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}`,
    `listeners=${listeners}`,
    `advertised.listeners=${listeners}`,
    "controller.listener.names=CONTROLLER",
    "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "inter.broker.listener.name=PLAINTEXT",
    `log.dirs=${join(folder, "data")}`,
    // Retention goes by the records' own times: test data of years ago would be gone within minutes.
    "log.retention.ms=-1",
    "offsets.topic.replication.factor=1",
    "transaction.state.log.replication.factor=1",
    "transaction.state.log.min.isr=1",
    "share.coordinator.state.topic.replication.factor=1",
    "share.coordinator.state.topic.min.isr=1",
    "offsets.topic.num.partitions=1",
    "transaction.state.log.num.partitions=4",
    "group.initial.rebalance.delay.ms=0",
    "auto.create.topics.enable=false",
  ];
}
