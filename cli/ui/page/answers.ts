/** What the server answers to the page. */

/** A run in the list. */
export interface RunRow {
  readonly name: string;
  readonly processor: string;
  readonly tasks: number;
  readonly feeds: number;
  readonly state: "open" | "ended" | "halted";
  readonly createdMs: number;
}

/** A run. */
export interface RunJson {
  readonly name: string;
  readonly processor: string;
  readonly seed: number;
  readonly clock: string;
  readonly sources: Readonly<Record<string, string>>;
  readonly sinks: Readonly<Record<string, string>>;
  readonly createdMs: number;
  /** How commands name it. */
  readonly words: string;
  readonly tasks: readonly TaskJson[];
  readonly events: readonly EventJson[];
}

/** A task of a run. */
export interface TaskJson {
  readonly name: string;
  readonly partitions: readonly string[];
  /** The first and the last feed. */
  readonly first: number;
  readonly last: number;
  readonly halted: { readonly feed: number; readonly place: string; readonly failure: string } | null;
  readonly epochs: readonly { readonly epoch: number; readonly openedMs: number; readonly code: string }[];
}

/** An event of a run. */
export interface EventJson {
  readonly kind: string;
  readonly task: string | null;
  readonly seq: number | null;
  readonly atMs: number;
}

/** A feed in the list. */
export interface FeedRow {
  readonly seq: number;
  readonly timeMs: number;
  readonly records: number;
  readonly outputs: number;
  readonly failures: number;
  /** How old its last record was when it was fed; null where records have no time of their own. */
  readonly lagMs: number | null;
  readonly isReborn: boolean;
  readonly isEnd: boolean;
  readonly epoch: number;
  readonly rewoundTo: number | null;
  readonly ranges: readonly string[];
}

/** A feed that was run again. */
export interface FeedJson extends FeedRow {
  readonly digest: string;
  readonly code: { readonly script: string; readonly hash: string };
  readonly environment: Readonly<Record<string, string>>;
  readonly receipts: Readonly<Record<string, unknown>> | null;
  /** The command that replays it. */
  readonly again: string;
  readonly units: readonly UnitJson[];
  readonly unitCount: number;
  /** Why its records cannot be shown. */
  readonly missing: string | null;
}

/** A record, timer or hook, and what it did. */
export interface UnitJson {
  readonly unit: number;
  readonly place: string;
  readonly isRecord: boolean;
  readonly key: string | null;
  readonly value: string | null;
  readonly timeMs: number;
  readonly outputs: readonly { readonly name: string; readonly key: string | null; readonly value: string | null }[];
  readonly trace: readonly { readonly kind: string; readonly subject: string; readonly detail: string }[];
  readonly effects: readonly {
    readonly name: string;
    readonly input: string;
    readonly ok: boolean;
    readonly answer: string;
  }[];
  readonly reads: readonly string[];
  readonly logs: readonly { readonly level: string; readonly text: string }[];
  /** The options that stop a debugger there. */
  readonly inspect: string | null;
}

/** The state after a feed. */
export interface StateJson {
  readonly feed: number;
  /** Keys there are; not all of them may be shown. */
  readonly count: number;
  readonly entries: readonly { readonly key: string; readonly value: string }[];
  readonly timers: readonly { readonly key: string; readonly atMs: number }[];
}

/** What a replay found. */
export interface ReplayJson {
  readonly records: number;
  readonly notices: readonly string[];
  readonly divergences: readonly {
    readonly place: string;
    readonly cause: string;
    readonly because: string;
    readonly differences: readonly {
      readonly field: string;
      readonly recorded: string | null;
      readonly replayed: string | null;
    }[];
  }[];
}

/** Feeds that follow each other, as one bar of the timeline. */
export interface BucketJson {
  /** Feeds `[from, to]`. */
  readonly from: number;
  readonly to: number;
  /** Logical time after the last of them. */
  readonly timeMs: number;
  /** Logical time that passed between the first and the last. */
  readonly durationMs: number;
  readonly records: number;
  readonly outputs: number;
  readonly failures: number;
  readonly births: number;
  /** The last owner's number. */
  readonly epoch: number;
  /** How old the last record of a feed was when it was fed, the most; null where records have no time of their own. */
  readonly lagMs: number | null;
}
