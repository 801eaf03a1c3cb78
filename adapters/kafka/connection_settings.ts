/**
 * How to connect: TLS and SASL, from the environment or from a file of `name=value` lines, as kcat and librdkafka name
 * them. A variable is a name in capitals with `_` for `.` and `KAFKA_` before it, and stronger than the file.
 */

import type { KafkaConfig, SASLOptions } from "kafkajs";
import { KafkaLocationError } from "./location.ts";

/** The settings there are. */
export const SETTINGS = [
  "security.protocol",
  "ssl.ca.location",
  "ssl.certificate.location",
  "ssl.key.location",
  "ssl.key.password",
  "sasl.mechanism",
  "sasl.username",
  "sasl.password",
  "sasl.oauthbearer.token",
  "sasl.oauthbearer.token.file",
  "sasl.oauthbearer.token.endpoint.url",
  "sasl.oauthbearer.client.id",
  "sasl.oauthbearer.client.secret",
  "sasl.oauthbearer.scope",
] as const;

/** See {@linkcode SETTINGS}. */
export type SettingName = typeof SETTINGS[number];

/** Setting → value. */
export type ConnectionSettings = ReadonlyMap<SettingName, string>;

const CLIENT_ID = "sluice";
const CONNECT_TIMEOUT_MS = 10_000;
const PROTOCOLS = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];
const ALIASES: Readonly<Record<string, SettingName>> = { "sasl.mechanisms": "sasl.mechanism" };

/**
 * Reads settings from `environment`, and from the file at `path` or at `KAFKA_CONFIG`.
 *
 * @throws {KafkaLocationError} when the file cannot be read or has a line that is no setting
 */
export function readSettings(
  environment: Readonly<Record<string, string>>,
  path = environment.KAFKA_CONFIG,
): ConnectionSettings {
  const settings = path === undefined ? new Map<SettingName, string>() : parseSettings(path, readFile(path, "config"));
  for (const name of SETTINGS) {
    const value = environment[`KAFKA_${name.replaceAll(".", "_").toUpperCase()}`];
    if (value !== undefined) settings.set(name, value);
  }
  return settings;
}

function parseSettings(path: string, text: string): Map<SettingName, string> {
  const settings = new Map<SettingName, string>();
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*(?:[#!].*)?$/.test(line)) continue;
    const [, key = "", value = ""] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    const name = SETTINGS.find((each) => each === (ALIASES[key] ?? key));
    if (!name) {
      throw new KafkaLocationError(
        `Cannot use ${path}: ${JSON.stringify(line.slice(0, 60))} is no setting; known are ${SETTINGS.join(", ")}`,
      );
    }
    settings.set(name, value);
  }
  return settings;
}

/**
 * What kafkajs needs to connect.
 *
 * @throws {KafkaLocationError} when settings contradict each other, or a file cannot be read
 */
export function connectionOf(brokers: readonly string[], settings: ConnectionSettings): KafkaConfig {
  const mechanism = settings.get("sasl.mechanism")?.toUpperCase();
  const hasTls = settings.has("ssl.ca.location") || settings.has("ssl.certificate.location");
  const hasSasl = mechanism !== undefined || settings.has("sasl.username");
  const protocol = settings.get("security.protocol")?.toUpperCase() ??
    (hasSasl ? `SASL_${hasTls ? "SSL" : "PLAINTEXT"}` : hasTls ? "SSL" : "PLAINTEXT");
  if (!PROTOCOLS.includes(protocol)) {
    throw new KafkaLocationError(`Cannot use security.protocol=${protocol}: ${PROTOCOLS.join(", ")} are known`);
  }
  return {
    clientId: CLIENT_ID,
    brokers: [...brokers],
    connectionTimeout: CONNECT_TIMEOUT_MS,
    ...(protocol.endsWith("SSL") ? { ssl: tlsOf(settings) } : {}),
    ...(protocol.startsWith("SASL") ? { sasl: saslOf(mechanism ?? "PLAIN", settings) } : {}),
  };
}

function tlsOf(settings: ConnectionSettings): NonNullable<KafkaConfig["ssl"]> {
  const [ca, cert, key] = (["ssl.ca.location", "ssl.certificate.location", "ssl.key.location"] as const).map((name) =>
    settings.has(name) ? readFile(settings.get(name)!, name) : undefined
  );
  const passphrase = settings.get("ssl.key.password");
  if (!ca && !cert) return true;
  return {
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
}

function saslOf(mechanism: string, settings: ConnectionSettings): SASLOptions {
  switch (mechanism) {
    case "PLAIN":
      return { mechanism: "plain", ...credentialsOf(settings) };
    case "SCRAM-SHA-256":
      return { mechanism: "scram-sha-256", ...credentialsOf(settings) };
    case "SCRAM-SHA-512":
      return { mechanism: "scram-sha-512", ...credentialsOf(settings) };
    case "OAUTHBEARER":
      return { mechanism: "oauthbearer", oauthBearerProvider: async () => ({ value: await tokenOf(settings) }) };
    default:
      throw new KafkaLocationError(
        `Cannot use sasl.mechanism=${mechanism}: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER are known`,
      );
  }
}

function credentialsOf(settings: ConnectionSettings): { username: string; password: string } {
  return { username: required(settings, "sasl.username"), password: required(settings, "sasl.password") };
}

function required(settings: ConnectionSettings, name: SettingName): string {
  const value = settings.get(name);
  if (value !== undefined) return value;
  const variable = `KAFKA_${name.replaceAll(".", "_").toUpperCase()}`;
  throw new KafkaLocationError(`Cannot use SASL: ${name} is missing; set ${variable}, or put it into the config file`);
}

/** A token as it is given, from a file that somebody keeps fresh, or from an endpoint (RFC 6749, 4.4). */
async function tokenOf(settings: ConnectionSettings): Promise<string> {
  const token = settings.get("sasl.oauthbearer.token");
  if (token !== undefined) return token;
  const file = settings.get("sasl.oauthbearer.token.file");
  if (file !== undefined) return readFile(file, "sasl.oauthbearer.token.file").trim();
  const endpoint = required(settings, "sasl.oauthbearer.token.endpoint.url");
  const credentials = `${required(settings, "sasl.oauthbearer.client.id")}:${
    required(settings, "sasl.oauthbearer.client.secret")
  }`;
  const scope = settings.get("sasl.oauthbearer.scope");
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(credentials)}` },
    body: new URLSearchParams({ grant_type: "client_credentials", ...(scope === undefined ? {} : { scope }) }),
  });
  const answer = await response.json().catch(() => ({})) as { readonly access_token?: string };
  if (answer.access_token !== undefined) return answer.access_token;
  throw new KafkaLocationError(`Cannot get a token from ${endpoint}: it answered ${response.status} without one`);
}

function readFile(path: string, setting: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new KafkaLocationError(`Cannot read ${path} (${setting}): ${(error as Error).message}`);
  }
}
