/**
 * Whose an entry of the state is: the key of the record that wrote it last.
 *
 * Where partitions split and merge, keys move to other partitions, and so to other tasks; what was kept under them has to
 * follow. Most state is named after the key of its records, and needs no note. What is named otherwise has its owner
 * behind its JSON, after a line feed, which JSON text never holds.
 */

/** The key of a record; null for what no record wrote, such as `onStart`; undefined for an entry that bears its name. */
export type Owner = string | null | undefined;

const SEPARATOR = "\n";

/** The text of an entry at rest. */
export function withOwner(json: string, owner: Owner): string {
  return owner === undefined ? json : json + SEPARATOR + (owner ?? "");
}

/** The JSON in the text of an entry. */
export function jsonOf(text: string): string {
  const end = text.indexOf(SEPARATOR);
  return end < 0 ? text : text.slice(0, end);
}

/** The owner in the text of an entry. */
export function ownerOf(text: string): Owner {
  const end = text.indexOf(SEPARATOR);
  return end < 0 ? undefined : text.slice(end + 1) || null;
}
