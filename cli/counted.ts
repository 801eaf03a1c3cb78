/** Numbers of things, as people say them. */

/** `1 record`, `2 records`; `thing` is the word for one of them, whose plural ends with an s. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
