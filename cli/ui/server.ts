/**
 * The page's server: answers with JSON and the built page, reads only, and is there for this machine only unless told.
 *
 * Whoever is asked under another name than the one it was started for answers nothing: a web page that makes a name of
 * its own point to this machine must not read what is here. Beyond this machine a token is wanted.
 */

import { JournalError } from "../../controller/journal/journal.ts";
import type { UiApi } from "./api.ts";
import PAGE_HTML from "./page/index.html" with { type: "text" };
import PAGE_STYLE from "./built/page.css" with { type: "text" };
import PAGE_SCRIPT from "./built/page.js" with { type: "text" };

/** Where and for whom. */
export interface UiServerOptions {
  readonly hostname: string;
  readonly port: number;
  /** What must be shown by whoever asks; not needed on this machine alone. */
  readonly token: string | undefined;
  readonly signal: AbortSignal;
  readonly onListening: (url: string) => void;
}

const SECURITY_HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; " +
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

const FILES: Readonly<Record<string, readonly [type: string, text: string]>> = {
  "/": ["text/html; charset=utf-8", PAGE_HTML],
  "/page.js": ["text/javascript; charset=utf-8", PAGE_SCRIPT],
  "/page.css": ["text/css; charset=utf-8", PAGE_STYLE],
};

const COOKIE = "sluice_token";

/** Serves until `signal` aborts. */
export async function serveUi(api: UiApi, options: UiServerOptions): Promise<void> {
  const { hostname, port, signal, token } = options;
  const server = Deno.serve({
    hostname,
    port,
    signal,
    onListen: (address) => {
      const query = token === undefined ? "" : `/?token=${token}`;
      options.onListening(`http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${address.port}${query}`);
    },
  }, (request) => answer(request, api, options));
  await server.finished;
}

async function answer(request: Request, api: UiApi, options: UiServerOptions): Promise<Response> {
  const url = new URL(request.url);
  if (request.method !== "GET") return text(405, "only GET is answered: the page reads, and nothing else");
  if (options.token === undefined) {
    if (!isLocalName(url.hostname)) return text(403, `the page is for this machine, not for ${url.hostname}`);
  } else if (!mayEnter(request, url, options.token)) {
    return text(401, "a token is wanted: open the address that sluice ui printed");
  }
  const file = FILES[url.pathname];
  if (file) return page(file, url.searchParams.has("token") ? options.token : undefined);
  if (!url.pathname.startsWith("/api/")) return text(404, "there is nothing here");
  try {
    return json(200, await route(api, url));
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    return json(error instanceof JournalError || code !== undefined ? 404 : 500, { error: message });
  }
}

/** `/api/runs[/RUN[/TASK/timeline | feeds | feed | state | replay]]` */
async function route(api: UiApi, url: URL): Promise<unknown> {
  const [run, task, what] = url.pathname.split("/").slice(3).map(decodeURIComponent);
  const number = (name: string, otherwise: number): number => {
    const value = Number(url.searchParams.get(name) ?? otherwise);
    return Number.isSafeInteger(value) && value >= 0 ? value : otherwise;
  };
  if (run === undefined) return api.runs();
  if (task === undefined) return api.run(run);
  switch (what) {
    case "timeline":
      return api.timeline(
        run,
        task,
        number("from", 0),
        number("to", Number.MAX_SAFE_INTEGER),
        Math.min(number("buckets", 600), 2000),
      );
    case "feeds":
      return api.feeds(run, task, number("from", 0), Math.min(number("count", 100), 1000));
    case "feed":
      return await api.feed(run, task, number("seq", 0), number("unit", 0));
    case "state":
      return await api.state(run, task, number("at", 0), url.searchParams.get("prefix") ?? "");
    case "replay":
      return await api.replay(run, task, number("seq", 0));
    default:
      throw new JournalError(`Cannot answer ${url.pathname}: there is nothing of that name`, { code: "E_NO_ROUTE" });
  }
}

function isLocalName(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

function mayEnter(request: Request, url: URL, token: string): boolean {
  const cookie = request.headers.get("cookie")?.split(/; */).find((each) => each.startsWith(`${COOKIE}=`));
  return [url.searchParams.get("token"), cookie?.slice(COOKIE.length + 1)].some((given) => isEqual(given, token));
}

/** Takes the same time wherever they part. */
function isEqual(given: string | null | undefined, token: string): boolean {
  if (given === null || given === undefined || given.length !== token.length) return false;
  let difference = 0;
  for (let i = 0; i < token.length; i++) difference |= given.charCodeAt(i) ^ token.charCodeAt(i);
  return difference === 0;
}

function page([type, body]: readonly [string, string], token: string | undefined): Response {
  const cookie = token === undefined ? {} : { "set-cookie": `${COOKIE}=${token}; HttpOnly; SameSite=Strict; Path=/` };
  return new Response(body, { headers: { ...SECURITY_HEADERS, ...cookie, "content-type": type } });
}

function json(status: number, value: unknown): Response {
  const body = JSON.stringify(value, (_name, each) => typeof each === "bigint" ? String(each) : each);
  return new Response(body, { status, headers: { ...SECURITY_HEADERS, "content-type": "application/json" } });
}

function text(status: number, message: string): Response {
  return new Response(`${message}\n`, { status, headers: { ...SECURITY_HEADERS, "content-type": "text/plain" } });
}
