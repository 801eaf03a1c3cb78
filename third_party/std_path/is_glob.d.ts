/** Hand-written types of @std/path/is-glob 1.1.6; see docs/decisions/0001-jsr-through-links.md. */

export function isGlob(str: string): boolean;
