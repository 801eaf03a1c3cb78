/** Checks what the house style says and `deno lint` does not: sizes, names, purity, and words we do not use. */

import { relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = [
  "engine",
  "processors",
  "formats",
  "adapters",
  "controller",
  "cli",
  "tools",
  "bench",
  "examples",
  "testing",
  "tests",
];
const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const FORBIDDEN_NAMES = /(?:^|\/)(?:utils?|helpers?|common|misc|types)(?:\.ts|\/)/;
const PURE = /^(?:engine|processors|formats)\//;

/** Pattern → what is wrong with it; in pure folders only. */
const IMPURE: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\(/, "looks at the clock: time comes from the feed (I6)"],
  [/\bnew Date\(\)/, "looks at the clock: time comes from the feed (I6)"],
  [/\bMath\.random\(/, "rolls dice: chance comes from the record (I6)"],
  [/\.localeCompare\(/, "orders by locale: use compareText (I7)"],
  [/\bDeno\./, "uses the host"],
];

const LIBRARY = /^(?:engine|processors|formats|adapters|controller|cli)\//;

/** Pattern → what is wrong with it; everywhere. */
const UNWANTED: readonly (readonly [RegExp, string])[] = [
  [/\bas any\b|: any\b|<any>/, "uses any"],
  [/@ts-(?:ignore|nocheck|expect-error)/, "silences the compiler"],
  [/^\s*private (?:readonly )?\w+[:;=]/, "uses private: use #"],
  [/\b(?:TODO|FIXME|XXX)\b/, "leaves work behind"],
];

/** What is wrong with one file. */
export function styleFindings(path: string, text: string): string[] {
  const lines = text.split("\n");
  const findings: string[] = [];
  if (FORBIDDEN_NAMES.test(path)) findings.push(`${path}: its name hides an idea`);
  if (lines.length > FILE_LINES_MAX + 1) findings.push(`${path}: ${lines.length} lines, at most ${FILE_LINES_MAX}`);
  if (!text.startsWith("/**") && !text.startsWith("//")) findings.push(`${path}: does not say what its job is`);
  // Texts of processors are written in tests as users write them.
  const isTest = path.startsWith("tests/");
  if (
    !isTest && /^export default /m.test(text) &&
    !/^(?:processors|examples|cli\/starter|bench\/(?:kafka\/|pipelines\/)?processors)\//.test(path)
  ) {
    findings.push(`${path}: default export`);
  }
  lines.forEach((line, i) => {
    if (/^\s*(?:\*|\/\/|\/\*)/.test(line) || isTest || path.startsWith("tools/")) return;
    const rules = PURE.test(path) ? [...UNWANTED, ...IMPURE] : UNWANTED;
    if (LIBRARY.test(path) && /\bconsole\.(?:log|error|warn)\(/.test(line)) {
      findings.push(`${path}:${i + 1}: prints by itself: use cli/output.ts, or an observer`);
    }
    for (const [pattern, wrong] of rules) if (pattern.test(line)) findings.push(`${path}:${i + 1}: ${wrong}`);
  });
  return [...findings, ...longFunctions(path, lines)];
}

/** Functions and methods begin at an indentation and end with a brace at the same. */
function longFunctions(path: string, lines: readonly string[]): string[] {
  const findings: string[] = [];
  lines.forEach((line, start) => {
    const [, indent] = /^( *)(?:export |async )*function\*? .*\($/.exec(line) ??
      /^( *)(?:export |async |static |get |set |function\*? |#?\w+(?:<.*>)?\().*\{$/.exec(line) ?? [];
    if (
      indent === undefined ||
      /^\s*(?:if|for|while|switch|export (?:interface|class|type|const \w+(?=:))|interface|class)\b/.test(line)
    ) return;
    const length = lines.slice(start).findIndex((end) => end.startsWith(`${indent}}`)) + 1;
    if (length > FUNCTION_LINES_MAX) {
      findings.push(`${path}:${start + 1}: a function of ${length} lines, at most ${FUNCTION_LINES_MAX}`);
    }
  });
  return findings;
}

async function* sourcesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    // Golden journals keep the code that wrote them, as it was.
    if (isDirectory && name !== "journals") yield* sourcesBelow(`${folder}/${name}`);
    else if (name.endsWith(".ts")) yield `${folder}/${name}`;
  }
}

if (import.meta.main) {
  const findings: string[] = [];
  for (const folder of FOLDERS) {
    for await (const file of sourcesBelow(`${ROOT}${folder}`)) {
      findings.push(...styleFindings(relative(ROOT, file), await Deno.readTextFile(file)));
    }
  }
  for (const finding of findings.sort()) console.error(finding);
  if (findings.length > 0) Deno.exit(1);
}
