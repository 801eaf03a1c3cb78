/** A mistake in what the user typed: exit code 2, no stack trace. */

/** See the module. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "E_USAGE";
}
