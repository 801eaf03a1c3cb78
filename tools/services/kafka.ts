/** Kafka 4.1.1 in KRaft mode, one node, from Maven's jars. */

import { join } from "node:path";
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
  /** Listeners besides the one without security, name → protocol, such as `SASL_SSL`. */
  readonly listeners?: Readonly<Record<string, string>>;
  /** Where clients are told to go, by listener, where that is another place: a proxy. */
  readonly advertised?: Readonly<Record<string, string>>;
  /** Arguments for formatting the log, such as `--feature`, `transaction.version=0`. */
  readonly format?: readonly string[];
}

/** A broker that runs, and the addresses of its listeners. */
export interface Broker extends Started {
  readonly listeners: Readonly<Record<string, string>>;
}

/** Starts a broker whose data lies in `folder`. */
export async function startKafka(folder: string, options: KafkaOptions = {}): Promise<Broker> {
  const [controllerPort] = freePorts(1);
  const quorum = [`controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}`];
  const node = await prepareNode(folder, { id: 1, replicas: 1, controllerPort, quorum, options });
  await formatLog(folder, await randomId(), ["--standalone", ...options.format ?? []]);
  return { ...node, pid: await startBroker(folder, portOf(node.address)), folder };
}

/** Starts several brokers, each of them a controller too, whose data lies in folders below `folder`. */
export async function startKafkaCluster(folder: string, count: number): Promise<readonly Broker[]> {
  const controllerPorts = freePorts(count);
  const voters = controllerPorts.map((port, i) => `${i + 1}@127.0.0.1:${port}`).join(",");
  const id = await randomId();
  return await Promise.all(controllerPorts.map(async (controllerPort, i) => {
    const own = join(folder, String(i + 1));
    await Deno.mkdir(own);
    const quorum = [`controller.quorum.voters=${voters}`];
    const node = await prepareNode(own, { id: i + 1, replicas: count, controllerPort, quorum, options: {} });
    await formatLog(own, id, []);
    return { ...node, pid: await startBroker(own, portOf(node.address)), folder: own };
  }));
}

function portOf(address: string): number {
  return Number(address.split(":")[1]);
}

async function java(folder: string, main: string, args: readonly string[]): Promise<string> {
  const log = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";
  const classes = ["-XX:TieredStopAtLevel=1", "-cp", `${await kafkaJars()}/*`];
  return await runProgram("java", [log, ...classes, main, ...args], folder);
}

async function randomId(): Promise<string> {
  return (await java(Deno.cwd(), "kafka.tools.StorageTool", ["random-uuid"])).trim().split("\n").at(-1)!;
}

async function formatLog(folder: string, id: string, args: readonly string[]): Promise<void> {
  const config = join(folder, "server.properties");
  await java(folder, "kafka.tools.StorageTool", ["format", "-t", id, "-c", config, ...args]);
}

/** Starts the broker of `folder`, also again, after it was killed. */
export async function startBroker(folder: string, port: number): Promise<number> {
  const jars = await kafkaJars();
  return await startServer({
    program: "java",
    args: ["-Xmx1g", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
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

interface NodeSetup {
  readonly id: number;
  readonly replicas: number;
  readonly controllerPort: number;
  readonly quorum: readonly string[];
  readonly options: KafkaOptions;
}

/** Writes `server.properties`; answers where the node will listen. */
async function prepareNode(folder: string, setup: NodeSetup): Promise<Pick<Broker, "address" | "listeners">> {
  const protocols = { PLAINTEXT: "PLAINTEXT", ...setup.options.listeners };
  const names = Object.keys(protocols);
  const ports = freePorts(names.length);
  const listeners = Object.fromEntries(names.map((name, i) => [name, `127.0.0.1:${ports[i]}`]));
  const lines = [...properties(folder, setup, listeners, protocols), ...setup.options.properties ?? []];
  await Deno.writeTextFile(join(folder, "server.properties"), lines.join("\n"));
  return { address: listeners.PLAINTEXT, listeners };
}

function properties(
  folder: string,
  { id, replicas, controllerPort, quorum, options }: NodeSetup,
  listeners: Readonly<Record<string, string>>,
  protocols: Readonly<Record<string, string>>,
): string[] {
  const places = (all: Readonly<Record<string, string>>) =>
    Object.entries({ ...all, CONTROLLER: `127.0.0.1:${controllerPort}` })
      .map(([name, address]) => `${name}://${address}`).join(",");
  const map = Object.entries(protocols).map(([name, protocol]) => `${name}:${protocol}`).join(",");
  return [
    "process.roles=broker,controller",
    `node.id=${id}`,
    ...quorum,
    `listeners=${places(listeners)}`,
    `advertised.listeners=${places({ ...listeners, ...options.advertised })}`,
    "controller.listener.names=CONTROLLER",
    `listener.security.protocol.map=CONTROLLER:PLAINTEXT,${map}`,
    "inter.broker.listener.name=PLAINTEXT",
    `log.dirs=${join(folder, "data")}`,
    // Retention goes by the records' own times: test data of years ago would be gone within minutes.
    "log.retention.ms=-1",
    "log.cleaner.backoff.ms=200",
    `default.replication.factor=${replicas}`,
    `min.insync.replicas=${Math.max(1, replicas - 1)}`,
    `offsets.topic.replication.factor=${replicas}`,
    `transaction.state.log.replication.factor=${replicas}`,
    `transaction.state.log.min.isr=${Math.max(1, replicas - 1)}`,
    `share.coordinator.state.topic.replication.factor=${replicas}`,
    "share.coordinator.state.topic.min.isr=1",
    "offsets.topic.num.partitions=1",
    "transaction.state.log.num.partitions=4",
    "group.initial.rebalance.delay.ms=0",
    "auto.create.topics.enable=false",
  ];
}
