/**
 * `kafka://host:port[,host:port]/topic`, and how to connect: what is secret comes from the environment.
 *
 * `KAFKA_SASL_MECHANISM` (plain, scram-sha-256, scram-sha-512), `KAFKA_SASL_USERNAME`, `KAFKA_SASL_PASSWORD`, `KAFKA_TLS`
 * (true), `KAFKA_TLS_CA` (path of a PEM file).
 */

import type { KafkaConfig, SASLOptions } from "kafkajs";

const DEFAULT_PORT = 9092;
const CLIENT_ID = "sluice";
const CONNECT_TIMEOUT_MS = 10_000;
const MECHANISMS = ["plain", "scram-sha-256", "scram-sha-512"] as const;

/** A topic of a cluster. */
export interface KafkaLocation {
  readonly brokers: readonly string[];
  readonly topic: string;
}

/** A location or a setting that makes no sense. */
export class KafkaLocationError extends Error {
  /** The name of the class. */
  override readonly name = "KafkaLocationError";
  /** The CLI takes it for a mistake of the user. */
  readonly code = "E_USAGE";
}

/**
 * Takes `//host:port,host:port/topic` apart.
 *
 * @throws {KafkaLocationError} when there is no host or no topic
 */
export function parseLocation(path: string): KafkaLocation {
  const [, hosts = "", topic = ""] = /^\/\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  if (hosts === "" || topic === "") {
    throw new KafkaLocationError(`Cannot use kafka:${path}: kafka://host:port[,host:port]/topic is wanted`);
  }
  const brokers = hosts.split(",").map((host) => /:\d+$/.test(host) ? host : `${host}:${DEFAULT_PORT}`);
  return { brokers, topic };
}

/** What kafkajs needs to connect. */
export function connectionOf(brokers: readonly string[], environment: Readonly<Record<string, string>>): KafkaConfig {
  const { KAFKA_TLS, KAFKA_TLS_CA } = environment;
  const ca = KAFKA_TLS_CA === undefined ? undefined : Deno.readTextFileSync(KAFKA_TLS_CA);
  const sasl = saslOf(environment);
  const isTls = ca !== undefined || /^(?:1|true|yes)$/i.test(KAFKA_TLS ?? "");
  return {
    clientId: CLIENT_ID,
    brokers: [...brokers],
    connectionTimeout: CONNECT_TIMEOUT_MS,
    ...(isTls ? { ssl: ca === undefined ? true : { ca } } : {}),
    ...(sasl ? { sasl } : {}),
  };
}

function saslOf(environment: Readonly<Record<string, string>>): SASLOptions | undefined {
  const { KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = environment;
  if (KAFKA_SASL_MECHANISM === undefined && username === undefined) return undefined;
  const mechanism = MECHANISMS.find((name) => name === (KAFKA_SASL_MECHANISM ?? "plain").toLowerCase());
  if (!mechanism) {
    throw new KafkaLocationError(
      `Cannot use KAFKA_SASL_MECHANISM=${KAFKA_SASL_MECHANISM}: ${MECHANISMS.join(", ")} are known`,
    );
  }
  if (username === undefined || password === undefined) {
    throw new KafkaLocationError(
      `Cannot use SASL: KAFKA_SASL_${username === undefined ? "USERNAME" : "PASSWORD"} is not set`,
    );
  }
  return { mechanism, username, password };
}
