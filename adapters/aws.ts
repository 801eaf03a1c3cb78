/** What clients of AWS share: connections, credentials for emulators, and what their errors mean. */

import { NodeHttpHandler } from "@smithy/node-http-handler";

/** Where a service is. Credentials come by the SDK's default chain. */
export interface ServiceAddress {
  /** Such as `eu-central-1`. */
  readonly region: string;
  /** Another endpoint than the region's: an emulator, a VPC endpoint. */
  readonly endpoint?: string;
}

/** How long requests and connections may take. */
export interface RequestTimes {
  readonly requestMsMax: number;
  readonly connectMsMax: number;
}

/** AWS's own credentials have nothing to do with an emulator on this machine. s3rver wants these, others take any. */
const LOCAL_CREDENTIALS = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };

/**
 * Connections, which clients of one address may share.
 *
 * The handler speaks HTTP/1.1: the SDK's default for Kinesis is HTTP/2, which emulators fail, and whose time-outs only warn.
 */
export function openConnections({ requestMsMax, connectMsMax }: RequestTimes): NodeHttpHandler {
  return new NodeHttpHandler({
    requestTimeout: requestMsMax,
    connectionTimeout: connectMsMax,
    throwOnRequestTimeout: true,
  });
}

/** The options of a client. It tries nothing again by itself: who waits is decided elsewhere. */
export function clientOptions({ region, endpoint }: ServiceAddress, connections: NodeHttpHandler) {
  const isLocal = endpoint !== undefined && /^https?:\/\/(?:localhost|127\.|\[::1\])/.test(endpoint);
  const hasCredentials = Deno.env.has("AWS_ACCESS_KEY_ID") || Deno.env.has("AWS_PROFILE");
  return {
    region,
    maxAttempts: 1,
    requestHandler: connections,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(isLocal && !hasCredentials ? { credentials: LOCAL_CREDENTIALS } : {}),
  };
}

/** Nothing was done, and another attempt may work. */
const PASSING: ReadonlySet<string> = new Set([
  "ProvisionedThroughputExceededException",
  "LimitExceededException",
  "RequestLimitExceeded",
  "KMSThrottlingException",
  "ThrottlingException",
  "SlowDown",
  "InternalFailure",
  "InternalFailureException",
  "ServiceUnavailable",
  "TimeoutError",
  "NetworkingError",
]);

interface AwsError extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly code?: string;
}

/** Whether another attempt may work. */
export function isPassing(error: unknown): boolean {
  const { name, code = "", $metadata } = error as AwsError;
  const status = $metadata?.httpStatusCode ?? 0;
  return PASSING.has(name) || status >= 500 || /^(?:ECONN|EPIPE|ETIMEDOUT|EAI_AGAIN)/.test(code) ||
    (status === 0 && /socket hang up|connection (?:closed|reset)/i.test((error as Error).message));
}

/** Why a request failed, for people. */
export function reasonOf(error: unknown): string {
  const { name, message } = error as Error;
  if (name === "CredentialsProviderError") {
    return "there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE";
  }
  return name === "Error" ? message : `${name}: ${message}`;
}

/** Whether an error is the one of that name. */
export function isNamed(error: unknown, name: string): boolean {
  return (error as Error).name === name;
}
