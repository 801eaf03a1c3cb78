/** The journal in one SQLite file. */

import { createHash } from "node:crypto";
import { Database, type Row } from "./database.ts";
import type {
  Journal,
  JournaledCode,
  JournaledDeadLetter,
  JournalEvent,
  Run,
  RunSpec,
  StartedPartition,
  Task,
  TaskJournal,
  TaskPartition,
} from "./journal.ts";
import { JournalError } from "./journal.ts";
import { letterFrom, partitionKey, toJson } from "./rows.ts";
import { SqliteTaskJournal } from "./sqlite_task_journal.ts";

/** See {@linkcode Journal}. */
export class SqliteJournal implements Journal {
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  /** Opens the journal at `path`, which is created when it is missing. */
  static async open(path: string): Promise<SqliteJournal> {
    const folder = path.replace(/[^/\\]*$/, "");
    if (folder !== "") await Deno.mkdir(folder, { recursive: true });
    return new SqliteJournal(new Database(path));
  }

  /** Opens the journal at `path` to read it, also while a run writes. */
  static openReader(path: string): SqliteJournal {
    return new SqliteJournal(new Database(path, { isReader: true }));
  }

  get path(): string {
    return this.#database.path;
  }

  /** For those who work on the file as a whole: verify, prune. */
  get database(): Database {
    return this.#database;
  }

  atomically<T>(work: () => T): T {
    return this.#database.transaction(work);
  }

  runs(): readonly Run[] {
    return [...this.#database.all("SELECT * FROM runs ORDER BY id")].map(runFrom);
  }

  run(name: string): Run | undefined {
    const row = this.#database.one("SELECT * FROM runs WHERE name = ?", name);
    return row && runFrom(row);
  }

  createRun(spec: RunSpec): Run {
    const id = (this.#database.number("SELECT max(id) FROM runs") ?? 0) + 1;
    this.#database.insert("runs", { id, name: spec.name, spec: toJson(spec) });
    return { ...spec, id };
  }

  restartRun({ id }: Run, spec: RunSpec): Run {
    return this.atomically(() => {
      for (const table of ["epochs", "successions"]) {
        this.#database.run(`DELETE FROM ${table} WHERE task IN (SELECT id FROM tasks WHERE run = ?)`, id);
      }
      this.#database.run("DELETE FROM tasks WHERE run = ?", id);
      this.#database.insert("runs", { id, name: spec.name, spec: toJson(spec) }, "REPLACE");
      return { ...spec, id };
    });
  }

  tasks(run: Run): readonly Task[] {
    const orphans = this.#database.number("SELECT count(*) FROM epochs WHERE task NOT IN (SELECT id FROM tasks)") ?? 0;
    if (orphans > 0) throw this.#incomplete("a task that had owners is missing");
    const rows = [...this.#database.all("SELECT * FROM tasks WHERE run = ? ORDER BY id", run.id)];
    return rows.map((row) => taskFrom(row, this.#predecessors(Number(row.id))));
  }

  /** A reader may look at a journal of before there were any. */
  #predecessors(task: number): readonly string[] {
    if (this.#database.version < SUCCESSIONS_SINCE) return [];
    const row = this.#database.one("SELECT * FROM successions WHERE task = ?", task);
    if (row) return JSON.parse(String(row.predecessors));
    const isHeir = this.#database.number("SELECT count(*) FROM feeds WHERE task = ? AND seq = -1", task) === 1;
    if (isHeir) throw this.#incomplete("the tasks that another one goes on for are missing");
    return [];
  }

  createTask(
    run: Run,
    name: string,
    partitions: readonly StartedPartition[],
    predecessors: readonly string[] = [],
  ): Task {
    return this.atomically(() => {
      const id = (this.#database.number("SELECT max(id) FROM tasks") ?? 0) + 1;
      const row = { id, run: run.id, name, partitions: toJson(partitions) };
      this.#database.insert("tasks", row);
      if (predecessors.length > 0) {
        this.#database.insert("successions", { task: id, predecessors: toJson(predecessors) });
      }
      return taskFrom(row, predecessors);
    });
  }

  task(task: Task): TaskJournal {
    return new SqliteTaskJournal(this.#database, task);
  }

  putCode({ hash, script, bundle, sourceMap }: JournaledCode): void {
    this.#database.insert("code", { hash, script, bundle, source_map: sourceMap }, "IGNORE");
  }

  hasCode(hash: string): boolean {
    return this.#database.number("SELECT count(*) FROM code WHERE hash = ?", hash) === 1;
  }

  code(hash: string): JournaledCode {
    const row = this.#database.one("SELECT * FROM code WHERE hash = ?", hash);
    if (!row) {
      throw this.#incomplete(`code ${hash.slice(0, 12)} is missing`);
    }
    if (createHash("sha256").update(String(row.bundle)).digest("hex") !== hash) {
      throw new JournalError(`Cannot read journal ${this.path}: code ${hash.slice(0, 12)} does not match its hash`, {
        code: "E_JOURNAL_DAMAGED",
      });
    }
    return {
      hash,
      script: String(row.script),
      bundle: String(row.bundle),
      sourceMap: String(row.source_map),
    };
  }

  #incomplete(what: string): JournalError {
    return new JournalError(`Cannot read journal ${this.path}: ${what}`, { code: "E_JOURNAL_INCOMPLETE" });
  }

  addEvent(run: Run, { kind, task, seq, atMs, detail }: JournalEvent): void {
    const row = { kind, task: task ?? null, seq: seq ?? null, at_ms: atMs, detail: toJson(detail) };
    // In one transaction: a prune beside the run numbers its events too.
    this.#database.transaction(() => {
      const id = (this.#database.number("SELECT max(id) FROM events") ?? 0) + 1;
      this.#database.insert("events", { id, run: run.id, ...row });
    });
  }

  events(run: Run): readonly JournalEvent[] {
    const rows = this.#database.all("SELECT * FROM events WHERE run = ? ORDER BY id", run.id);
    const events = [...rows];
    // Every run has at least the event of its start, and no event is ever removed.
    const missing = this.#database.number("SELECT max(id) - count(*) FROM events") ?? 0;
    if (events.length === 0 || missing > 0) throw this.#incomplete(`events of run ${run.name} are missing`);
    return events.map((row) => ({
      kind: row.kind as JournalEvent["kind"],
      ...(row.task === null ? {} : { task: String(row.task) }),
      ...(row.seq === null ? {} : { seq: Number(row.seq) }),
      atMs: Number(row.at_ms),
      detail: JSON.parse(String(row.detail)),
    }));
  }

  *deadLetters(run: Run): Generator<JournaledDeadLetter> {
    for (const task of this.tasks(run)) {
      let missing = this.#database.number("SELECT sum(letters) FROM feeds WHERE task = ?", task.id) ?? 0;
      for (const row of this.#database.all("SELECT * FROM dead_letters WHERE task = ? ORDER BY id", task.id)) {
        const redriven = this.#database.one("SELECT * FROM redriven WHERE dead_letter = ?", row.id);
        yield letterFrom(row, task.name, redriven === undefined ? undefined : Number(redriven.at_ms));
        missing--;
      }
      if (missing > 0) throw this.#incomplete(`${missing} dead letters of task ${task.name} are missing`);
    }
  }

  noteRedriven(id: number, atMs: number): void {
    this.#database.insert("redriven", { dead_letter: id, at_ms: atMs }, "REPLACE");
  }

  close(): void {
    this.#database.close();
  }
}

function runFrom(row: Row): Run {
  return { ...JSON.parse(String(row.spec)) as RunSpec, id: Number(row.id) };
}

/** The version of journals that has them first. */
const SUCCESSIONS_SINCE = 2;

function taskFrom(row: Row, predecessors: readonly string[]): Task {
  const partitions = JSON.parse(String(row.partitions)) as StartedRow[];
  const starts = partitions.flatMap(({ start, anchor, ...partition }) => {
    if (start === undefined) return [];
    const progress = { position: BigInt(start), ...(anchor === undefined ? {} : { anchor }) };
    return [[partitionKey(partition), progress] as const];
  });
  return {
    id: Number(row.id),
    name: String(row.name),
    partitions: partitions.map(({ input, stream, partition }) => ({ input, stream, partition })),
    starts: new Map(starts),
    predecessors,
  };
}

interface StartedRow extends TaskPartition {
  readonly start?: string;
  readonly anchor?: string;
}
