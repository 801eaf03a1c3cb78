/**
 * What the source needs to know of a position, at a later start, besides its number.
 *
 * `untilMs` proves that nothing was lost although the record that was read last is gone: all that had arrived until then
 * was read, and what arrived later is younger than the retention. `marks` tell repeats.
 */

import { Marks, type MarksJson } from "./marks.ts";

/** See the module. */
export interface Anchor {
  /** When the stream was created: one of the same name that was made anew is another one. */
  readonly createdMs?: number | undefined;
  readonly untilMs?: number | undefined;
  readonly marks?: Marks | undefined;
}

/** As the journal keeps it. */
export function anchorText({ createdMs, untilMs, marks }: Anchor): string {
  return JSON.stringify({ createdMs, untilMs, marks: marks?.toJson() });
}

/** What {@linkcode anchorText} made. */
export function anchorOf(text: string | undefined): Anchor {
  if (text === undefined) return {};
  const { marks, ...rest } = JSON.parse(text) as Omit<Anchor, "marks"> & { readonly marks?: MarksJson };
  return { ...rest, marks: marks && Marks.fromJson(marks) };
}
