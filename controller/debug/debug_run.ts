/**
 * Recorded feeds under the V8 inspector: in a process of their own that waits until a debugger is attached, with the
 * source map of the user's files. The digests of what it did are compared with the journal: what was debugged is what was
 * recorded.
 */

import { pathToFileURL } from "node:url";
import { Digest, toHex } from "../../engine/digest.ts";
import { type Feed, packFeed } from "../../engine/feed.ts";
import { digestFeed } from "../digests.ts";
import type { FeedEntry, JournaledCode } from "../journal/journal.ts";
import { isExecutable, ownOriginOnly } from "../own_program.ts";
import { chainAfter, realmOptions } from "../realm_options.ts";
import { type Halted, recordedEffects } from "../replay/halted.ts";
import { loadRecordedFeed } from "../replay/recorded_feed.ts";
import { epochOf } from "../replay/recorded_realm.ts";
import type { Recording } from "../replay/recording.ts";
import { readFrames, writeFrame } from "../sandbox/frames.ts";
import { isOurs } from "../sandbox/own_files.ts";
import type { Fed } from "../sandbox/protocol.ts";
import type { DebugAnswer, DebugJob } from "./debug_job.ts";
import type { Stop } from "./process_hook.ts";

/** What to debug. */
export interface DebugOptions {
  /** Feeds that follow each other. */
  readonly entries: readonly FeedEntry[];
  /** The record that halted the task, behind them. */
  readonly halted?: Halted;
  readonly stop: Stop;
  /** Where the inspector listens, such as `127.0.0.1:9229`; port 0 is any. */
  readonly address: string;
  /** See {@linkcode DebugJob.settleMs}. */
  readonly settleMs?: number;
  /** Other code than the recorded. */
  readonly code?: JournaledCode;
  /** Called once the inspector listens there; nothing of the recording runs before it resolves. */
  readonly onListening: (url: string) => Promise<void> | void;
}

/** What came of it. */
export interface DebugReport {
  readonly feeds: number;
  /** Whether every feed has the digest that was recorded; undefined for other code. */
  readonly isRecorded: boolean | undefined;
  readonly hasStopped: boolean;
  /** What the last feed did. */
  readonly last: Fed | undefined;
  /** Why it ended early: the debugger was killed, the bundle cannot be evaluated. */
  readonly failure: string | undefined;
}

const ENTRY = new URL("./debug_child.ts", import.meta.url);

/** Runs the feeds. Resolves when they are done, or the process has ended. */
export async function debugFeeds(recording: Recording, options: DebugOptions): Promise<DebugReport> {
  if (isExecutable()) throw new NoInspector();
  const code = options.code ?? recordedCode(recording, options);
  const job = await jobOf(recording, options, code);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ownOriginOnly(ENTRY), "--no-npm", "--no-lock"]
      .concat([`--inspect-wait=${options.address}`, ENTRY.href]),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { TZ: "UTC", LANG: "en_US.UTF-8", LC_ALL: "en_US.UTF-8", NO_COLOR: "1" },
  }).spawn();
  const { promise: listening, resolve: onUrl } = Promise.withResolvers<string | undefined>();
  const complaints = listen(child.stderr, onUrl);
  try {
    const url = await listening;
    if (url !== undefined) await options.onListening(url);
    // It may have ended before it was told anything.
    await writeFrame(child.stdin.getWriter(), job).catch(() => {});
    const report = await collect(child.stdout, recording, options, job.feeds);
    // It ended without a word of its own: what it printed may tell.
    return report.failure === "" ? { ...report, failure: (await complaints).trim() } : report;
  } finally {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await child.status;
    await complaints.catch(() => {});
  }
}

/** What a debugger talks to is a part of Deno that executables do not have. */
class NoInspector extends Error {
  override readonly name = "NoInspector";
  readonly code = "E_NO_INSPECTOR";

  constructor() {
    super(
      "Cannot debug: an executable has no inspector. Export the feeds (sluice export … -o case.sluice), and debug the case " +
        "where Deno is: sluice replay case.sluice --inspect",
    );
  }
}

function recordedCode(recording: Recording, { entries }: DebugOptions): JournaledCode {
  const epoch = entries.length > 0 ? epochOf(recording, entries[0]) : recording.taskJournal.epochs().at(-1)!;
  return recording.journal.code(epoch.codeHash);
}

async function jobOf(recording: Recording, options: DebugOptions, code: JournaledCode): Promise<DebugJob> {
  const { taskJournal, sources, run, limits } = recording;
  const { entries, halted, stop, settleMs = 0 } = options;
  const feeds: Feed[] = [];
  for (const entry of entries) feeds.push(await loadRecordedFeed(entry, taskJournal, sources));
  if (halted) feeds.push(halted.feed);
  const first = feeds[0].seq;
  const [before] = taskJournal.feeds(first - 1, first);
  return {
    code: code.bundle,
    sourceMap: withFileUrls(code.sourceMap),
    options: realmOptions(run, before, { onError: "skip" }, limits),
    state: [...taskJournal.stateBefore(first)],
    feeds,
    effects: feeds.map(({ seq }) => recordedEffects(recording, seq)),
    stop,
    settleMs,
  };
}

/** Debuggers find files by URL; Sluice's own are of no interest to them. */
function withFileUrls(sourceMap: string): string {
  const map = JSON.parse(sourceMap) as { sources: string[] };
  const ignoreList = map.sources.flatMap((source, i) => isOurs(source) ? [i] : []);
  const sources = map.sources.map((source) => /^https?:/.test(source) ? source : pathToFileURL(source).href);
  return JSON.stringify({ ...map, sources, ignoreList, x_google_ignoreList: ignoreList });
}

/** Reads what the process says; the inspector's address is in it. Answers the rest. */
async function listen(stderr: ReadableStream<Uint8Array>, onUrl: (url: string | undefined) => void): Promise<string> {
  let text = "";
  for await (const chunk of stderr.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)) {
    text += chunk;
    const [url] = /ws:\/\/\S+/.exec(text) ?? [];
    if (url !== undefined) onUrl(url);
  }
  onUrl(undefined);
  return text.split("\n").filter((line) => !INSPECTOR_TALK.test(line)).join("\n");
}

const INSPECTOR_TALK = /ws:\/\/|chrome:\/\/|Deno is waiting|Debugger (?:session|listening)/;

async function collect(
  stdout: ReadableStream<Uint8Array>,
  recording: Recording,
  { entries, code }: DebugOptions,
  feeds: readonly Feed[],
): Promise<DebugReport> {
  const [before] = recording.taskJournal.feeds(feeds[0].seq - 1, feeds[0].seq);
  const chain = Digest.fromBytes(chainAfter(before));
  const report = {
    feeds: 0,
    isRecorded: code ? undefined : true,
    hasStopped: false,
    last: undefined as Fed | undefined,
  };
  for await (const frame of readFrames(stdout)) {
    const answer = frame as DebugAnswer;
    if (answer.kind === "failed") return { ...report, failure: answer.message };
    if (answer.kind === "done") return { ...report, hasStopped: answer.hasStopped, failure: undefined };
    report.last = answer.fed;
    digestFeed(packFeed(feeds[report.feeds]), answer.fed, chain);
    const entry = entries[report.feeds++];
    if (entry && report.isRecorded) report.isRecorded = toHex(chain.toBytes()) === toHex(entry.chain);
  }
  return { ...report, failure: "" };
}
