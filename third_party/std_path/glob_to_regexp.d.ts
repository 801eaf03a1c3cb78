/** Hand-written types of @std/path/glob-to-regexp 1.1.6; see docs/decisions/0001-jsr-through-links.md. */

export interface GlobOptions {
  extended?: boolean;
  globstar?: boolean;
  caseInsensitive?: boolean;
}
export function globToRegExp(glob: string, options?: GlobOptions): RegExp;
