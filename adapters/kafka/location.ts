/** `kafka://host:port[,host:port]/topic[,topic]`: which cluster, which topics. */

const DEFAULT_PORT = 9092;

/** Topics of a cluster. */
export interface KafkaLocation {
  /** Host and port of brokers to ask first. */
  readonly brokers: readonly string[];
  /** The names of topics; none where a pattern finds them. */
  readonly topics: readonly string[];
}

/** A location or a setting that makes no sense. */
export class KafkaLocationError extends Error {
  /** The name of the class. */
  override readonly name = "KafkaLocationError";
  /** The CLI takes it for a mistake of the user. */
  readonly code = "E_USAGE";
}

/**
 * Takes `//host:port,host:port/topic,topic` apart.
 *
 * @throws {KafkaLocationError} when there is no host, or a topic cannot be one
 */
export function parseLocation(path: string): KafkaLocation {
  const [, hosts = "", names = ""] = /^\/\/([^/]+)(?:\/([^/]*))?$/.exec(path) ?? [];
  if (hosts === "") {
    throw new KafkaLocationError(`Cannot use kafka:${path}: kafka://host:port[,host:port]/topic is wanted`);
  }
  const brokers = hosts.split(",").map((host) => /:\d+$/.test(host) ? host : `${host}:${DEFAULT_PORT}`);
  const topics = names === "" ? [] : names.split(",");
  for (const topic of topics) {
    if (/^[A-Za-z0-9._-]{1,249}$/.test(topic)) continue;
    throw new KafkaLocationError(
      `Cannot use kafka:${path}: ${
        JSON.stringify(topic)
      } cannot be a topic; letters, digits, ".", "_" and "-" are wanted`,
    );
  }
  return { brokers, topics };
}
