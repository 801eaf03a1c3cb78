/** What outputs become in Redis: entries of streams, fields of a hash, elements of a list, messages of a channel. */

import { SinkError } from "../sink.ts";
import { tagOf } from "./key_tag.ts";
import type { EntryFields } from "./protocol/entries.ts";

/** Where the outputs of one name go. */
export interface RedisTarget {
  /** What it is in Redis. */
  readonly kind: "stream" | "hash" | "list" | "channel";
  /** Its key; a channel's name. */
  readonly key: string;
  /** The parts of a stream, both ends included: part `n` is the key `key:n`, an output's key decides which. */
  readonly parts?: { readonly first: number; readonly last: number };
  /** Of a stream's entries; without `value`, the members of an output's JSON object are an entry's fields. */
  readonly fields: EntryFields;
  /** The header that has an entry's id; ids are the feed's time otherwise. */
  readonly idHeader?: string;
  /** A stream keeps about so many of its latest entries. */
  readonly lengthMax?: number;
  /** A stream keeps what is not much older than the feed. */
  readonly ageMsMax?: number;
}

/** A target, and where its keys are among those of the script. */
export interface PlacedTarget {
  readonly target: RedisTarget;
  /** Its first part. */
  readonly index: number;
  readonly parts: number;
}

/** One key, or channel, of a target. */
interface Part {
  readonly target: RedisTarget;
  readonly key: string;
}

/** All targets of a sink. */
export class Targets {
  readonly #byOutput: ReadonlyMap<string, PlacedTarget>;
  readonly #parts: readonly Part[];

  /**
   * @param byOutput output name → target; `default` takes the outputs that are not named
   * @throws {SinkError} when two outputs go to the same key in different ways
   */
  constructor(byOutput: ReadonlyMap<string, RedisTarget>) {
    const parts: Part[] = [];
    const placed = new Map<string, PlacedTarget>();
    for (const [output, target] of byOutput) {
      const keys = keysOf(target);
      const known = parts.findIndex(({ key }) => keys.includes(key));
      if (known >= 0 && !isSame(parts[known].target, target)) throw clash(parts[known].key);
      placed.set(output, { target, index: known < 0 ? parts.length : known, parts: keys.length });
      if (known < 0) parts.push(...keys.map((key) => ({ target, key })));
    }
    this.#byOutput = placed;
    this.#parts = parts;
  }

  /** Where an output goes; undefined for one that goes to another system. */
  of(output: string): PlacedTarget | undefined {
    return this.#byOutput.get(output) ?? this.#byOutput.get("default");
  }

  /** The keys that the script touches; channels are none. */
  get keys(): readonly string[] {
    return this.#parts.filter(({ target }) => target.kind !== "channel").map(({ key }) => key);
  }

  /** Shown to people. */
  get description(): string {
    return this.#parts.map(({ target, key }) => target.kind === "stream" ? key : `${target.kind} ${key}`).join(",");
  }

  /** What is taken from Redis by others cannot be taken back when the server loses its latest seconds. */
  get isExactlyOnce(): boolean {
    return this.#parts.every(({ target: { kind } }) => kind === "stream" || kind === "hash");
  }

  /** The hash tag that puts a checkpoint into the slot of the first key. */
  get tag(): string {
    const [first] = this.#parts;
    return tagOf(first.key);
  }

  /** As the script wants to know them: see `COMMIT`. */
  words(timeMs: number, firstIds: ReadonlyMap<number, string>): readonly (string | number)[] {
    let key = 1;
    return this.#parts.flatMap(({ target: { kind, fields, lengthMax, ageMsMax }, key: name }, part) => {
      const trim = lengthMax !== undefined
        ? ["MAXLEN", lengthMax]
        : ageMsMax !== undefined
        ? ["MINID", Math.max(0, timeMs - ageMsMax)]
        : ["", ""];
      const place = kind === "channel" ? name : ++key;
      return [kind, place, fields.value ?? "", fields.key ?? "", firstIds.get(part) ?? "", ...trim];
    });
  }

  /** How many {@linkcode words} describe. */
  get count(): number {
    return this.#parts.length;
  }
}

function isSame(a: RedisTarget, b: RedisTarget): boolean {
  const text = (target: RedisTarget) => JSON.stringify(Object.entries(target).toSorted());
  return text(a) === text(b);
}

function clash(key: string): SinkError {
  return new SinkError(
    `Cannot write ${key}: two outputs go there in different ways; the same kind, parts and options are wanted for both`,
    { code: "E_TARGET_CLASH" },
  );
}

function keysOf({ key, parts }: RedisTarget): readonly string[] {
  if (!parts) return [key];
  return Array.from({ length: parts.last - parts.first + 1 }, (_, i) => `${key}:${parts.first + i}`);
}
