/** A record as its processor sees it, and where it was read. */

/** Where a record was read. */
export interface Origin {
  readonly stream: string;
  readonly partition: string;
  readonly offset: bigint;
}

/** A record as a processor sees it. */
export interface StreamRecord<T = unknown> extends Origin {
  /** The input it arrived at: `"default"` unless the processor names its inputs. */
  readonly input: string;
  readonly key: string | null;
  readonly value: T;
  /** Milliseconds since the epoch, when the record carries a time of its own. */
  readonly eventTimeMs: number | undefined;
}
