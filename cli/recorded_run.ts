/** A run that the user named, opened to be looked at or run again: in a journal, or in a case file. */

import type { Source } from "../adapters/source.ts";
import { openCase, type OpenedCase } from "../controller/cases/open_case.ts";
import type { Run } from "../controller/journal/journal.ts";
import { SqliteJournal } from "../controller/journal/sqlite_journal.ts";
import { DEFAULT_LIMITS } from "../controller/limits.ts";
import type { Recording, SourcesAtHand } from "../controller/replay/recording.ts";
import { openPool } from "../controller/sandbox/open_pool.ts";
import type { SandboxPool } from "../controller/sandbox/pool.ts";
import { openSource } from "./adapters.ts";
import { findRun } from "./find_run.ts";
import { DEFAULT_JOURNAL } from "./options.ts";
import { parseUri } from "./uri.ts";
import { UsageError } from "./usage_error.ts";

/** What a run is found by. */
export interface RecordedRunOptions {
  readonly journal: string;
  readonly task?: string;
}

/** See the module. */
export class RecordedRun implements AsyncDisposable {
  readonly journal: SqliteJournal;
  readonly run: Run;
  /** How to name it again on a command line. */
  readonly words: string;
  readonly #sources: LazySources;
  readonly #task: string | undefined;
  #pool: SandboxPool | undefined;

  /** Opens the run `name`, or the one in the case file of that name. */
  constructor(name: string, { journal, task }: RecordedRunOptions) {
    const isCase = isCaseFile(name);
    const { journal: opened, run } = isCase ? openCase(name) : openRun(name, journal);
    this.journal = opened;
    this.run = run;
    this.words = isCase || journal === DEFAULT_JOURNAL ? name : `${name} --journal ${journal}`;
    this.#sources = new LazySources(this.run.uris);
    this.#task = task;
  }

  /** The sandboxes of this command; started when they are asked for. */
  get pool(): SandboxPool {
    return this.#pool ??= openPool({});
  }

  /** Its tasks; only one when the user asked for it. @throws {UsageError} when there is none of that name */
  recordings(): readonly Recording[] {
    const { journal, run } = this;
    const tasks = journal.tasks(run);
    const wanted = this.#task === undefined ? tasks : tasks.filter(({ name }) => name === this.#task);
    if (wanted.length === 0) {
      const names = tasks.map(({ name }) => name).join(", ");
      throw new UsageError(`Cannot find task ${this.#task}: run ${run.name} has the tasks ${names}`);
    }
    return wanted.map((task) => ({
      journal,
      run,
      taskJournal: journal.task(task),
      sources: this.#sources,
      sandbox: () => this.pool.get(0),
      limits: DEFAULT_LIMITS,
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sources.close();
    this.#pool?.close();
    this.journal.close();
  }
}

const CASE_SUFFIX = ".sluice";

/** Whether `name` means a case file. */
export function isCaseFile(name: string): boolean {
  return name.endsWith(CASE_SUFFIX) && name.length > CASE_SUFFIX.length;
}

function openRun(name: string, path: string): OpenedCase {
  const journal = SqliteJournal.openReader(path);
  try {
    return { journal, run: findRun(journal, name) };
  } catch (error) {
    journal.close();
    throw error;
  }
}

/**
 * What a run reads later is behind the end of now, so there is none. But a file ends where it does: without that, its last
 * line is none as long as nothing ends it.
 */
function openAgain(uri: string): Promise<Source> {
  return openSource(uri, { isBounded: parseUri(uri).scheme === "file" });
}

/** Opens a source when its records are needed: what was captured needs none. */
export class LazySources implements SourcesAtHand {
  readonly #uris: Run["uris"];
  readonly #opened = new Map<string, Promise<Source>>();

  constructor(uris: Run["uris"]) {
    this.#uris = uris;
  }

  get(input: string): Promise<Source> | undefined {
    const uri = this.#uris[input];
    if (uri === undefined || parseUri(uri).scheme === "stdio") return undefined;
    let source = this.#opened.get(input);
    if (!source) this.#opened.set(input, source = openAgain(uri));
    return source;
  }

  async close(): Promise<void> {
    for (const source of this.#opened.values()) await source.then((opened) => opened.close()).catch(() => {});
  }
}
