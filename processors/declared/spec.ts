/** What a declared pipeline says: the content of a YAML file, checked and with its variables filled in. */

/** A step: one member says what it does and how; others name it, or say where its side streams go. */
export type StepSpec = Readonly<Record<string, unknown>>;

/** How values are written in a stream: a name, or a name with options. */
export type FormatSpec = string | Readonly<Record<string, unknown>>;

/** An input. */
export interface InputSpec {
  readonly format?: FormatSpec;
  /** An expression: milliseconds, or ISO 8601. */
  readonly time?: string;
  readonly lateness?: string;
  readonly idle?: string;
  /** Whether it is a table: the latest value of a key counts. */
  readonly table?: boolean;
  /** What is done before it meets others. */
  readonly steps?: readonly StepSpec[];
}

/** An output. */
export interface OutputSpec {
  readonly format?: FormatSpec;
}

/** A pipeline. */
export interface PipelineSpec {
  readonly name: string;
  /** Input name → input; the first is the one that `steps` begin with. */
  readonly inputs: Readonly<Record<string, InputSpec>>;
  readonly steps: readonly StepSpec[];
  /** Output name → output; the stream itself goes to the first. */
  readonly outputs: Readonly<Record<string, OutputSpec>>;
}

/** A declaration that cannot be: where in it, and what is wrong. */
export class DeclarationError extends Error {
  override readonly name = "DeclarationError";
  readonly code = "E_PIPELINE";
  /** Names and places from the pipeline down: `["steps", 2, "window"]`. */
  readonly path: readonly (string | number)[];

  constructor(path: readonly (string | number)[], message: string, cause?: unknown) {
    super(message, { cause });
    this.path = path;
  }
}
