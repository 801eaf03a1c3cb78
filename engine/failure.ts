/** What is known about a record (or timer, or hook) that failed. */

/** What the engine does after a failure: stop before the record, or give it up and go on. */
export type ErrorPolicy = "halt" | "dead-letter" | "skip";

/** What was being processed. */
export type UnitKind = "record" | "timer" | "start" | "end";

/** A failure of the processor, or of decoding what it was to be given. */
export interface Failure {
  /** What was being processed. */
  readonly kind: UnitKind;
  /** The record of the feed, counted from 0; -1 for anything but a record. */
  readonly record: number;
  /** The name of the error. */
  readonly name: string;
  /** The message of the error. */
  readonly message: string;
  /** Stack frames inside the processor. */
  readonly stack: string;
  /** A stable identifier of the reason, when the error has one. */
  readonly code: string | undefined;
}

/** Describes anything that was thrown; never throws itself, whatever was thrown. */
export function describeError(error: unknown): Pick<Failure, "name" | "message" | "stack" | "code"> {
  try {
    if (error instanceof Error) {
      const { code } = error as { code?: unknown };
      return {
        name: String(error.name),
        message: String(error.message),
        stack: String(error.stack ?? ""),
        code: typeof code === "string" ? code : undefined,
      };
    }
    return { name: "Error", message: `the processor threw ${String(error)}`, stack: "", code: undefined };
  } catch {
    return { name: "Error", message: "the processor threw a value that cannot be shown", stack: "", code: undefined };
  }
}
