/** Formats of declared pipelines, by name. */

import type { Codec } from "../../engine/codec.ts";
import { bytes } from "../../formats/bytes.ts";
import { json } from "../../formats/json.ts";
import { text } from "../../formats/text.ts";
import type { FormatSpec } from "./spec.ts";

type Options = Readonly<Record<string, unknown>>;

const FORMATS: Readonly<Record<string, (options: Options) => Codec<unknown, never>>> = {
  json: () => json<unknown>(),
  text: () => text() as Codec<unknown, never>,
  bytes: () => bytes() as Codec<unknown, never>,
};

/** The names of all formats. */
export const FORMAT_NAMES: readonly string[] = Object.keys(FORMATS);

/** The codec of `spec`; JSON unless it says otherwise. */
export function declaredFormat(spec: FormatSpec = "json"): Codec<unknown, never> {
  const [name, options] = typeof spec === "string" ? [spec, {}] : Object.entries(spec)[0] as [string, Options];
  return FORMATS[name](options);
}
