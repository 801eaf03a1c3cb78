/**
 * Pipeline files: from YAML to declarations. Whatever is wrong is said with file, line and column, and what was probably
 * meant; nothing runs before all of a file is right.
 */

import { dirname, resolve } from "node:path";
import { isMap, isScalar, LineCounter, parse, type ParsedNode, parseDocument, visit } from "yaml";
import type { z } from "zod";
import { declaredPipeline, type OwnOperator } from "../../processors/declared/declared.ts";
import { DeclarationError, type PipelineSpec, type StepSpec } from "../../processors/declared/spec.ts";
import { embeddedText } from "../executable.ts";
import { nearest } from "../nearest.ts";
import { UsageError } from "../usage_error.ts";
import { PIPELINE_SCHEMA, STEP_NAMES, STEP_SCHEMAS } from "./schema.ts";
import { knownKeys, wantedAt } from "./known_keys.ts";
import { fillIn } from "./variables.ts";

/** A pipeline as its file has it. */
export interface PipelineFile {
  readonly spec: PipelineSpec;
  /** Input name → URI, where the file names one. */
  readonly from: ReadonlyMap<string, string>;
  /** Output name → URI, where the file names one. */
  readonly to: ReadonlyMap<string, string>;
  /** Options of `sluice run`. */
  readonly run: Readonly<Record<string, unknown>>;
  /** What `use` names: a path, or a path with `#` and a name. */
  readonly scripts: readonly string[];
}

type Path = readonly (string | number)[];
type Declared = Readonly<Record<string, unknown>>;

/** Something wrong in a file. */
export interface Finding {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** A pipeline file with something wrong in it. */
export class PipelineFileError extends UsageError {
  /** The file. */
  readonly file: string;
  /** All that is wrong, in order of place. */
  readonly findings: readonly Finding[];

  constructor(file: string, findings: readonly Finding[]) {
    super(findings.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`).join("\n"));
    this.file = file;
    this.findings = findings;
  }
}

/**
 * Reads the pipelines of a file.
 *
 * @throws {PipelineFileError} with all that is wrong
 */
export function readPipelines(path: string, environment: Readonly<Record<string, string>>): readonly PipelineFile[] {
  const reader = new Reader(path, readText(path), environment);
  return reader.read();
}

function readText(path: string): string {
  const embedded = embeddedText(path);
  if (embedded !== undefined) return embedded;
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : (error as Error).message;
    throw new UsageError(`Cannot read pipeline ${path}: ${reason}`);
  }
}

class Reader {
  readonly #path: string;
  readonly #lines = new LineCounter();
  readonly #document: ReturnType<typeof parseDocument>;
  readonly #findings: Finding[] = [];

  constructor(path: string, text: string, environment: Readonly<Record<string, string>>) {
    this.#path = path;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const { pos: [offset], message } of this.#document.errors) this.#add(offset, message);
    this.#stopIfWrong();
    visit(this.#document, {
      Alias: (_, node) => {
        if (node.resolve(this.#document)) return;
        this.#add(node.range?.[0] ?? 0, `Cannot use *${node.source}: there is no &${node.source} before it`);
      },
      Scalar: (_, node) => {
        if (typeof node.value !== "string" || !node.value.includes("$")) return;
        const filled = fillIn(node.value, environment);
        if (filled.missing !== undefined) {
          this.#add(
            node.range?.[0] ?? 0,
            `Cannot fill in \${${filled.missing}}: it is not in the environment; set it, or give a default: ` +
              `\${${filled.missing}:default}`,
          );
        }
        // Without quotes, what is filled in may be a number.
        node.value = node.type === "PLAIN" ? scalarOf(filled.text) : filled.text;
      },
    });
    this.#stopIfWrong();
  }

  read(): readonly PipelineFile[] {
    const whole = this.#values();
    const isList = isMap(this.#document.contents) && this.#document.has("pipelines");
    const declared = isList ? (whole as { pipelines: unknown }).pipelines : [whole];
    if (isList) this.#refuseOthers(["pipelines"], [], whole as Declared);
    if (!Array.isArray(declared)) this.#addAt(["pipelines"], "Cannot use pipelines: a list is wanted");
    else if (declared.length === 0) {
      this.#addAt(["pipelines"], "Cannot use pipelines: the list is empty, one is wanted");
    } else if (!isMap(this.#document.contents)) {
      this.#add(
        0,
        "Cannot use the file: it holds no pipeline; name:, from: and to: are wanted, or pipelines: with a list",
      );
    }
    this.#stopIfWrong();
    const files = (declared as unknown[]).map((each, i) => this.#pipeline(isList ? ["pipelines", i] : [], each));
    this.#refuseSameNames(files, isList);
    this.#stopIfWrong();
    return files as readonly PipelineFile[];
  }

  /** @throws when aliases of aliases would become too large */
  #values(): unknown {
    try {
      return this.#document.toJS();
    } catch (error) {
      this.#add(0, `Cannot use the file: ${(error as Error).message}`);
      return this.#stopIfWrong();
    }
  }

  #pipeline(path: Path, declared: unknown): PipelineFile | undefined {
    const before = this.#findings.length;
    this.#validate(PIPELINE_SCHEMA, path, declared);
    if (this.#findings.length > before) return undefined;
    const { name, from, to, steps = [], run = {} } = declared as {
      readonly name: string;
      readonly from: string | Declared;
      readonly to: string | Declared;
      readonly steps?: readonly StepSpec[];
      readonly run?: Declared;
    };
    const inputs = named(from);
    const outputs = named(to);
    this.#steps([...path, "steps"], steps);
    for (const [input, { steps: own = [] }] of inputs) {
      this.#steps([...path, "from", input, "steps"], own as readonly StepSpec[]);
    }
    if (this.#findings.length > before) return undefined;
    const strip = ({ uri: _, ...rest }: Declared) => rest;
    const spec = {
      name,
      inputs: Object.fromEntries(inputs.map(([input, each]) => [input, strip(each)])),
      steps,
      outputs: Object.fromEntries(outputs.map(([output, each]) => [output, strip(each)])),
    } as PipelineSpec;
    const scripts = [...steps, ...inputs.flatMap(([, { steps: own = [] }]) => own as readonly StepSpec[])]
      .flatMap(({ use }) => typeof use === "string" ? [use] : []);
    this.#tryToBuild(path, spec, scripts);
    return { spec, from: urisOf(inputs), to: urisOf(outputs), run, scripts: [...new Set(scripts)] };
  }

  #steps(path: Path, steps: readonly StepSpec[]): void {
    steps.forEach((step, i) => {
      const kinds = Object.keys(step).filter((member) => Object.hasOwn(STEP_SCHEMAS, member));
      if (kinds.length === 1) return this.#validate(STEP_SCHEMAS[kinds[0]], [...path, i], step);
      const [first = "nothing"] = Object.keys(step);
      const advice = nearest(first, STEP_NAMES);
      this.#addAt(
        [...path, i],
        kinds.length > 1
          ? `Cannot use a step that is ${kinds.join(" and ")}: write a step for each`
          : `Cannot use step ${first}: there is no such step; ${
            advice ? `did you mean ${advice}?` : `known are ${STEP_NAMES.join(", ")}`
          }`,
      );
    });
  }

  /** What the pieces make together is known only when they are put together. */
  #tryToBuild(path: Path, spec: PipelineSpec, scripts: readonly string[]): void {
    try {
      declaredPipeline(spec, Object.fromEntries(scripts.map((script) => [script, STANDS_IN])));
    } catch (error) {
      this.#addAt([...path, ...error instanceof DeclarationError ? error.path : []], (error as Error).message);
    }
  }

  #validate(schema: z.ZodType, path: Path, value: unknown): void {
    const result = schema.safeParse(value);
    for (const issue of result.error?.issues ?? []) this.#addIssue(schema, path, issue);
  }

  #addIssue(schema: z.ZodType, path: Path, issue: z.core.$ZodIssue): void {
    const at = [...path, ...issue.path as Path];
    const known = this.#document.getIn(at);
    if (known === undefined && issue.path.length > 0) return this.#addMissing(schema, at, issue);
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) this.#addUnknown([...at, key], key, knownKeys(schema, issue.path as Path));
    } else if (issue.code === "invalid_union") {
      const inner = deepest(issue.errors);
      if (inner) this.#addIssue(schema, path, { ...inner, path: [...issue.path, ...inner.path] });
      else this.#addWrong(schema, at, issue);
    } else {
      this.#addWrong(schema, at, issue);
    }
  }

  #addMissing(schema: z.ZodType, at: Path, issue: z.core.$ZodIssue): void {
    const wanted = wantedAt(schema, issue.path as Path);
    this.#addAt(
      at.slice(0, -1),
      `Cannot use ${nameOf(at.slice(0, -1))}: ${at.at(-1)} is missing${wanted && `: ${wanted}`}`,
    );
  }

  #addWrong(schema: z.ZodType, at: Path, issue: z.core.$ZodIssue): void {
    const wanted = wantedAt(schema, issue.path as Path);
    const is = JSON.stringify(this.#document.toJS() && (this.#document.getIn(at) ?? null));
    this.#addAt(at, `Cannot use ${nameOf(at)}: it is ${is}, wanted is ${wanted || lowered(issue.message)}`);
  }

  #addUnknown(path: Path, key: string, known: readonly string[]): void {
    const advice = nearest(key, known);
    const help = advice ? `did you mean ${advice}?` : `known are ${known.join(", ")}`;
    this.#addAt(path, `Cannot use ${key}: nothing is called that here${known.length > 0 ? `; ${help}` : ""}`);
  }

  #refuseOthers(known: readonly string[], path: Path, declared: Declared): void {
    for (const key of Object.keys(declared)) if (!known.includes(key)) this.#addUnknown([...path, key], key, known);
  }

  #refuseSameNames(files: readonly (PipelineFile | undefined)[], isList: boolean): void {
    files.forEach((file, i) => {
      const isTaken = files.slice(0, i).some((other) => other && other.spec.name === file?.spec.name);
      if (file && isTaken && isList) {
        this.#addAt(
          ["pipelines", i, "name"],
          `Cannot use the name ${file.spec.name} twice: runs are told apart by name`,
        );
      }
    });
  }

  #addAt(path: Path, message: string): void {
    this.#add(this.#offsetOf(path), message);
  }

  /** Where `path` is in the file, or the nearest thing around it that is there. */
  #offsetOf(path: Path): number {
    for (let length = path.length; length > 0; length--) {
      const parent = this.#document.getIn(path.slice(0, length - 1), true);
      const member = path[length - 1];
      if (isMap(parent)) {
        const pair = parent.items.find(({ key }) => isScalar(key) && key.value === member);
        const range = (pair?.key as ParsedNode | undefined)?.range;
        if (range) return range[0];
      }
      const range = (this.#document.getIn(path.slice(0, length), true) as ParsedNode | undefined)?.range;
      if (range) return range[0];
    }
    return 0;
  }

  #add(offset: number, message: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.#findings.push({ line: Math.max(1, line), column: Math.max(1, col), message });
  }

  #stopIfWrong(): void {
    if (this.#findings.length === 0) return;
    const findings = this.#findings.toSorted((a, b) => a.line - b.line || a.column - b.column);
    throw new PipelineFileError(this.#path, findings);
  }
}

/** Stands for an operator of a script, which is loaded only into the sandbox. */
const STANDS_IN: OwnOperator = { kind: "use", open: (_, down) => down };

function named(streams: string | Declared): [string, Declared][] {
  if (typeof streams === "string") return [["default", { uri: streams }]];
  return Object.entries(streams).map((
    [name, each],
  ) => [name, typeof each === "string" ? { uri: each } : (each ?? {}) as Declared]);
}

function urisOf(streams: readonly (readonly [string, Declared])[]): ReadonlyMap<string, string> {
  return new Map(streams.flatMap(([name, { uri }]) => typeof uri === "string" ? [[name, uri] as const] : []));
}

function scalarOf(text: string): unknown {
  const value = parse(text) as unknown;
  return typeof value === "object" ? text : value;
}

/** Of the reasons why none of several forms fits, the one that got furthest. */
function deepest(errors: readonly (readonly z.core.$ZodIssue[])[]): z.core.$ZodIssue | undefined {
  const issues = errors.flat().filter(({ path, code }) => path.length > 0 || code === "unrecognized_keys");
  return issues.toSorted((a, b) => b.path.length - a.path.length)[0];
}

/** The member that a person would name: `aggregate` rather than `pipelines.0.steps.2.window.aggregate`. */
function nameOf(path: Path): string {
  const [last, before] = [path.at(-1), path.at(-2)];
  if (typeof last === "number") return `${before === "steps" ? "step" : before} ${last + 1}`;
  return last ?? "the pipeline";
}

function lowered(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

/** The folder that paths in a pipeline file are relative to. */
export function folderOf(path: string): string {
  return dirname(resolve(path));
}
