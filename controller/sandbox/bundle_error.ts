/** What is wrong with a script. */

/** A script that cannot be made into a bundle. */
export class BundleError extends Error {
  /** The name of the class. */
  override readonly name = "BundleError";
  /** The script that a realm evaluates. */
  readonly code = "E_BUNDLE";
  /** The path that was given. */
  readonly script: string;
  /** Ends the sentence "Cannot load processor …". */
  readonly reason: string;

  /** `reason` ends the sentence "Cannot load processor …". */
  constructor(script: string, reason: string) {
    super(`Cannot load processor ${script}: ${reason}`);
    this.script = script;
    this.reason = reason;
  }
}
