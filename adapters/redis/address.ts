/** Where Redis servers are, and who asks. */

import type { ConnectionOptions as TlsOptions } from "node:tls";

/** Where one server listens. */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string };

/** Who asks, and how; the same for every server. */
export interface Access {
  /** How to speak TLS; not at all unless given. */
  readonly tls?: TlsOptions;
  /** The number of the database, 0 unless given. */
  readonly db?: number;
  /** The user, `default` unless given. */
  readonly username?: string;
  /** The user's password. */
  readonly password?: string;
}

/** The servers that a stream may be on. */
export interface ServersAddress extends Access {
  /** One server; or a master and its replicas; or nodes of a cluster: tried in this order, others are found. */
  readonly endpoints: readonly Endpoint[];
  /** The endpoints are sentinels, which know a master by this name. */
  readonly sentinel?: string;
}

/** One server, and who asks. */
export interface ServerAddress extends Access {
  readonly endpoint: Endpoint;
}

/** An endpoint as people write it. */
export function nameOf(endpoint: Endpoint): string {
  return "path" in endpoint ? endpoint.path : `${endpoint.host}:${endpoint.port}`;
}

/** The same for the same servers, in whatever order they are named. */
export function identityOf({ endpoints, sentinel, db }: ServersAddress): string {
  const names = endpoints.map(nameOf).toSorted().join(",");
  return `redis:${names}${sentinel === undefined ? "" : `/${sentinel}`}/${db ?? 0}`;
}
