/** The commands that Sluice uses, on a server's keys; their refusals are Redis's. */

import { compareIds, type Entry, type HashValue, idText, type KeySpace, parseId, type StreamValue } from "./keys.ts";
import { type Answer, Refusal, Status } from "./resp.ts";

type Command = (keys: KeySpace, words: readonly string[], nowMs: number) => Answer;

const WRONG_TYPE = new Refusal("WRONGTYPE Operation against a key holding the wrong kind of value");
const NO_KEY = new Refusal("ERR no such key");
const EMPTY: StreamValue = { type: "stream", entries: [], last: { ms: 0, seq: 0 }, added: 0 };

/** By name. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  PING: () => new Status("PONG"),
  TYPE: (keys, [key]) => new Status(keys.get(key)?.type ?? "none"),
  EXISTS: (keys, [key]) => keys.get(key) ? 1 : 0,
  HSET: hset,
  HMGET: (keys, [key, ...names]) => {
    const hash = keys.get(key);
    if (hash && hash.type !== "hash") return WRONG_TYPE;
    return names.map((name) => hash?.fields.get(name) ?? null);
  },
  HGETALL: (keys, [key]) => {
    const hash = keys.get(key);
    return hash && hash.type !== "hash" ? WRONG_TYPE : new Map(hash?.fields ?? []);
  },
  XADD: xadd,
  XLEN: (keys, [key]) => streamAt(keys, key, (stream) => stream.entries.length, 0),
  XRANGE: (keys, [key, from, to, ...rest]) => xrange(keys, key, [from, to], countOf(rest), false),
  XREVRANGE: (keys, [key, to, from, ...rest]) => xrange(keys, key, [from, to], countOf(rest), true),
  XINFO: (keys, [, key]) => streamAt(keys, key, describe, NO_KEY),
  XTRIM: xtrim,
};

function streamAt(keys: KeySpace, key: string, work: (stream: StreamValue) => Answer, missing: Answer): Answer {
  const value = keys.get(key);
  if (!value) return missing;
  return value.type === "stream" ? work(value) : WRONG_TYPE;
}

function hset(keys: KeySpace, [key, ...pairs]: readonly string[]): Answer {
  const known = keys.get(key);
  if (known && known.type !== "hash") return WRONG_TYPE;
  const fields = new Map((known as HashValue | undefined)?.fields ?? []);
  const before = fields.size;
  for (let at = 0; at < pairs.length; at += 2) fields.set(pairs[at], pairs[at + 1]);
  keys.set(key, { type: "hash", fields });
  return fields.size - before;
}

function xadd(keys: KeySpace, [key, id, ...fields]: readonly string[], nowMs: number): Answer {
  const known = keys.get(key) ?? EMPTY;
  if (known.type !== "stream") return WRONG_TYPE;
  const next = nextId(id, known.last, nowMs);
  if (compareIds(next, known.last) <= 0) {
    return new Refusal(
      "ERR The ID specified in XADD is equal or smaller than the target stream top item",
    );
  }
  keys.set(key, { ...known, entries: [...known.entries, { ...next, fields }], last: next, added: known.added + 1 });
  return idText(next);
}

function nextId(id: string, last: Pick<Entry, "ms" | "seq">, nowMs: number): Pick<Entry, "ms" | "seq"> {
  const ms = id === "*" ? Math.max(nowMs, last.ms) : Number(id.split("-")[0]);
  if (id !== "*" && !id.endsWith("-*")) return parseId(id);
  return { ms, seq: ms === last.ms ? last.seq + 1 : 0 };
}

function countOf(rest: readonly string[]): number {
  return rest[0]?.toUpperCase() === "COUNT" ? Number(rest[1]) : Infinity;
}

function xrange(
  keys: KeySpace,
  key: string,
  [from, to]: readonly [from: string, to: string],
  count: number,
  isReversed: boolean,
): Answer {
  return streamAt(keys, key, ({ entries }) => {
    const isAfter = from.startsWith("(");
    const first = parseId(isAfter ? from.slice(1) : from);
    const last = parseId(to, Infinity);
    const found = entries.filter((entry) => {
      const order = compareIds(entry, first);
      return (isAfter ? order > 0 : order >= 0) && compareIds(entry, last) <= 0;
    });
    return (isReversed ? found.toReversed() : found).slice(0, count).map(entryAnswer);
  }, []);
}

/** An entry as a reply has it. */
export function entryAnswer(entry: Entry): Answer {
  return [idText(entry), entry.fields];
}

function describe({ entries, last, added }: StreamValue): Answer {
  return new Map<string, Answer>([
    ["length", entries.length],
    ["last-generated-id", idText(last)],
    ["max-deleted-entry-id", "0-0"],
    ["entries-added", added],
    ["recorded-first-entry-id", entries.length > 0 ? idText(entries[0]) : "0-0"],
    ["groups", 0],
    ["first-entry", entries.length > 0 ? entryAnswer(entries[0]) : null],
    ["last-entry", entries.length > 0 ? entryAnswer(entries.at(-1)!) : null],
  ]);
}

function xtrim(keys: KeySpace, [key, by, ...rest]: readonly string[]): Answer {
  return streamAt(keys, key, (stream) => {
    const bound = rest.at(-1)!;
    const from = by.toUpperCase() === "MAXLEN"
      ? Math.max(0, stream.entries.length - Number(bound))
      : stream.entries.filter((entry) => compareIds(entry, parseId(bound)) < 0).length;
    keys.set(key, { ...stream, entries: stream.entries.slice(from) });
    return from;
  }, 0);
}
