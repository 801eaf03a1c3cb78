/**
 * The lint over a bundle: uses of APIs that a processor cannot have, with what to use instead, before the run does it.
 *
 * It looks at free variables, so a local name is no finding, and at nothing of Sluice's own. What it cannot see (names
 * made at run time) throws a `DeterminismError` when it is used.
 */

import type { Node } from "acorn";
import type { AncestorVisitors } from "acorn-walk";
import type { Bundle } from "./bundle.ts";
import { PROBED, REMOVED } from "./realm/removed.ts";
import { isOfPackage, isOurs } from "./own_files.ts";
import type { SourcePosition } from "./source_positions.ts";

/** A use of an API that is not available. */
export interface LintFinding extends SourcePosition {
  readonly api: string;
  /** What to use instead. */
  readonly advice: string;
}

/** What makes a file worth parsing. `process` and the like are common words: only their members and calls count. */
const MENTIONS = new RegExp(
  Object.keys(REMOVED).map((name) => PROBED.has(name) ? `\\b${name}\\s*[.[]|\\brequire\\(` : `\\b${name}\\b`).join("|"),
);

/** Which files are looked at. */
export interface LintOptions {
  /** Whether packages are left out: they rarely use all they mention, and nobody mends them from here. */
  readonly isOwnOnly?: boolean;
}

/** The findings in `bundle`, one per place. */
export async function lintBundle(
  { code, sourceMap }: Pick<Bundle, "code" | "sourceMap">,
  { isOwnOnly = false }: LintOptions = {},
): Promise<LintFinding[]> {
  const isWanted = (file: string): boolean => !isOurs(file) && !(isOwnOnly && isOfPackage(file));
  if (!mentionsRemoved(sourceMap, isWanted)) return [];
  // Most bundles mention nothing suspicious, and starting up should cost neither a parser nor a decoder of maps.
  const { SourcePositions } = await import("./source_positions.ts");
  const positions = new SourcePositions(sourceMap);
  const findings: LintFinding[] = [];
  for (const { name, line, column } of await freeUses(code)) {
    const place = positions.find(line, column);
    if (place && isWanted(place.file)) findings.push({ api: name, advice: REMOVED[name], ...place });
  }
  return findings;
}

/** A cheap look before the parser's. */
function mentionsRemoved(sourceMap: string, isWanted: (file: string) => boolean): boolean {
  const { sources, sourcesContent = [] } = JSON.parse(sourceMap) as { sources: string[]; sourcesContent?: string[] };
  return sources.some((source, i) => isWanted(source) && MENTIONS.test(sourcesContent[i] ?? ""));
}

interface Use {
  readonly name: string;
  readonly line: number;
  readonly column: number;
}

interface AnyNode extends Node {
  readonly name?: string;
  readonly operator?: string;
  readonly id?: { readonly name: string } | null;
}

async function freeUses(code: string): Promise<Use[]> {
  const [{ parse }, { ancestor }] = await Promise.all([import("acorn"), import("acorn-walk")]);
  const declared = new Set<string>();
  const uses: Use[] = [];
  const declare = (node: AnyNode): void => void declared.add(node.name ?? node.id?.name ?? "");
  const visitors = {
    VariablePattern: declare,
    Function: declare,
    Class: declare,
    Identifier(node: AnyNode, _state: unknown, ancestors: readonly AnyNode[]): void {
      const { name = "" } = node;
      const parent = ancestors.at(-2);
      // Asking with typeof is how libraries find out where they run; it is answered, and harmless.
      const isAsked = parent?.type === "UnaryExpression" && parent.operator === "typeof";
      if (!isAsked && Object.hasOwn(REMOVED, name)) uses.push({ name, ...node.loc!.start });
    },
  };
  const tree = parse(code, { ecmaVersion: "latest", sourceType: "script", locations: true });
  ancestor(tree, visitors as AncestorVisitors<unknown>);
  return uses.filter(({ name }) => !declared.has(name));
}
