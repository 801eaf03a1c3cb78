/**
 * SQLite as the journal uses it: errors with a subject, checksummed rows, prepared statements kept.
 *
 * SQLite does not notice flipped bits in its pages, so every row carries a CRC-32 of its columns, and every read checks
 * it. The files are in WAL mode with `synchronous=FULL`, or the same by `log_sync.ts`: others may read while a run writes.
 */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { JournalError } from "./journal.ts";
import { LogFile, LogSync } from "./log_sync.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";

/** What a column can hold. */
export type Cell = string | number | null | Uint8Array;

/** A row as it is read. */
export type Row = Readonly<Record<string, Cell>>;

const BUSY_TIMEOUT_MS = 10_000;
const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;

/** Deno 2.9.6 passes on no number with an error of `exec` or of opening, only SQLite's sentence. */
const SENTENCES: readonly (readonly [sentence: RegExp, errcode: number])[] = [
  [/^database is locked/, SQLITE_BUSY],
  [/^attempt to write a readonly database/, SQLITE_READONLY],
  [/^disk I\/O error/, SQLITE_IOERR],
  [/^database or disk is full/, SQLITE_FULL],
  [/^unable to open database file/, SQLITE_CANTOPEN],
];

/** An open journal file. */
export class Database {
  readonly path: string;
  readonly #isReader: boolean;
  readonly #sqlite: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** They read lists while the other one writes. */
  readonly #readers = new Set<DatabaseSync>();
  readonly #idleReaders: DatabaseSync[] = [];
  readonly #logFile: LogFile;
  readonly #log: LogSync;

  /**
   * Opens the journal at `path`, and creates it unless `isReader`.
   *
   * @throws {JournalError} when it is missing, newer than this Sluice, or no journal at all
   */
  constructor(path: string, { isReader = false }: { readonly isReader?: boolean } = {}) {
    this.path = path;
    this.#isReader = isReader;
    this.#logFile = new LogFile(path);
    this.#log = new LogSync(() => this.#logFile.sync());
    this.#sqlite = this.#guard("open", () => isReader ? openReader(path) : openWriter(path));
    try {
      this.#guard("open", () => this.#prepareFile(isReader));
    } catch (error) {
      this.#sqlite.close();
      throw error;
    }
  }

  #prepareFile(isReader: boolean): void {
    const version = this.#pragma("user_version");
    const isEmpty = version === 0 && this.#pragma("application_id") === 0 && this.#pragma("schema_version") === 0;
    if (!isEmpty && this.#pragma("application_id") !== APPLICATION_ID) {
      throw this.#error("E_NOT_A_JOURNAL", "open", "it is not a Sluice journal; name another file with --journal");
    }
    if (version > MIGRATIONS.length) {
      const known = MIGRATIONS.length;
      throw this.#error(
        "E_JOURNAL_NEWER",
        "open",
        `it has version ${version}, this Sluice knows up to ${known}; upgrade Sluice`,
      );
    }
    if (isReader) return;
    this.#sqlite.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
    if (version < MIGRATIONS.length) this.#migrate(version);
  }

  /**
   * Checks that the file holds the tables of a journal and nothing else: views and triggers of a stranger would run.
   *
   * @throws {JournalError}
   */
  checkSchema(): void {
    const version = this.#pragma("user_version");
    const plain = new DatabaseSync(":memory:");
    try {
      for (const migration of MIGRATIONS.slice(0, version)) plain.exec(migration);
      const sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name";
      const schema = (sqlite: DatabaseSync) => JSON.stringify(sqlite.prepare(sql).all());
      if (this.#guard("read", () => schema(this.#sqlite)) === schema(plain)) return;
    } finally {
      plain.close();
    }
    throw this.#error("E_NOT_A_JOURNAL", "open", "it holds other tables than a journal; it was not made by Sluice");
  }

  /** How many migrations the file has. */
  get version(): number {
    return this.#pragma("user_version");
  }

  #migrate(version: number): void {
    this.transaction(() => {
      for (const migration of MIGRATIONS.slice(version)) this.#sqlite.exec(migration);
      this.#sqlite.exec(`PRAGMA user_version=${MIGRATIONS.length}; PRAGMA application_id=${APPLICATION_ID};`);
    });
  }

  #pragma(name: string): number {
    return Object.values(this.#sqlite.prepare(`PRAGMA ${name}`).get() ?? {})[0] as number;
  }

  /** Runs `work` in one transaction, durable when it returns; within another one it is part of that. */
  transaction<T>(work: () => T): T {
    if (this.#sqlite.isTransaction) return work();
    return this.#guard("write to", () => {
      this.#sqlite.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        this.#sqlite.exec("COMMIT");
        return result;
      } catch (error) {
        // A full disk may have rolled back already; the first error is the one that tells.
        if (this.#sqlite.isTransaction) this.#sqlite.exec("ROLLBACK");
        throw error;
      }
    });
  }

  /**
   * Runs `work` in one transaction, which others see when this returns, and which is durable when it resolves; within
   * another one it is part of that.
   *
   * @throws {JournalError} at once when it cannot be written: whoever writes on must not leave it out
   */
  durably(work: () => void): Promise<void> {
    if (this.#sqlite.isTransaction) {
      work();
      return Promise.resolve();
    }
    this.unsynced(work);
    return this.#log.sync().catch((cause) => {
      const reason = `its log cannot be synced (${(cause as Error).message}); nothing after it is committed`;
      throw this.#error("E_JOURNAL_UNWRITABLE", "write to", reason, cause);
    });
  }

  /**
   * Runs `work` in one transaction, which others see when this returns, and which a power failure may undo. Whoever writes
   * beside a run uses this: a disk that takes seconds to sync would hold the journal, and the run would give up.
   */
  unsynced<T>(work: () => T): T {
    if (this.#sqlite.isTransaction) return work();
    this.#sqlite.exec("PRAGMA synchronous=NORMAL");
    try {
      return this.transaction(work);
    } finally {
      this.#sqlite.exec("PRAGMA synchronous=FULL");
    }
  }

  /** Inserts `row` with its checksum. */
  insert(table: string, row: Row, conflict: "ABORT" | "REPLACE" | "IGNORE" = "ABORT"): number {
    const names = Object.keys(row);
    const sql = `INSERT OR ${conflict} INTO ${table} (${names.join(", ")}, crc) VALUES (${
      "?, ".repeat(names.length)
    }?)`;
    const cells = Object.values(row);
    return this.#guard("write to", () => Number(this.#statement(sql).run(...cells, checksum(row)).lastInsertRowid));
  }

  run(sql: string, ...cells: Cell[]): void {
    this.#guard("write to", () => this.#statement(sql).run(...cells));
  }

  /** Reads one row, which is checked: its columns, without `crc`, must be selected in the order of the insert. */
  one(sql: string, ...cells: Cell[]): Row | undefined {
    return this.#guard("read", () => {
      const row = this.#statement(sql).get(...cells) as Row | undefined;
      return row && this.#checked(row);
    });
  }

  /** Reads rows, each checked, as they were when the first was read. */
  *all(sql: string, ...cells: Cell[]): Generator<Row> {
    const isOwn = this.#isReader || this.#sqlite.isTransaction;
    const sqlite = isOwn ? this.#sqlite : this.#takeReader();
    // Rows are fetched with a statement of their own: the caller may use the same query again meanwhile.
    let rows: Iterator<Row> | undefined;
    try {
      rows = this.#guard("read", () => sqlite.prepare(sql).iterate(...cells)) as Iterator<Row>;
      for (let read = 0;; read++) {
        const next = this.#guard("read", () => rows!.next());
        if (next.done) return this.#requireEnd(sql, cells, read);
        yield this.#guard("read", () => this.#checked(next.value));
      }
    } finally {
      rows?.return?.();
      if (!isOwn) this.#idleReaders.push(sqlite);
    }
  }

  /**
   * A connection that reads row by row sees the journal as it was when it began. It could not write any more once another
   * process has written (SQLITE_BUSY_SNAPSHOT), and whatever else it reads is as old. So each list that is read has a
   * connection, except within a transaction, whose rows others do not see.
   */
  #takeReader(): DatabaseSync {
    const idle = this.#idleReaders.pop();
    if (idle) return idle;
    const reader = this.#guard("read", () => openReader(this.path));
    this.#readers.add(reader);
    return reader;
  }

  /** On Deno 2.9 an iteration ends at a page that cannot be read as if there were no more; only `get` says why. */
  #requireEnd(sql: string, cells: readonly Cell[], read: number): void {
    this.#guard("read", () => this.#statement(`SELECT * FROM (${sql}) LIMIT 1 OFFSET ?`).get(...cells, read));
  }

  /** Reads one number, unchecked: for counts and the like. */
  number(sql: string, ...cells: Cell[]): number | undefined {
    return this.#guard("read", () => Object.values(this.#statement(sql).get(...cells) ?? {})[0] as number | undefined);
  }

  /** Rows of numbers, unchecked: for overviews. */
  numbers(sql: string, ...cells: Cell[]): Readonly<Record<string, number>>[] {
    return this.#guard("read", () => this.#statement(sql).all(...cells)) as Record<string, number>[];
  }

  /** The texts that a pragma answers. */
  pragma(name: string): string[] {
    return this.#guard("read", () => this.#sqlite.prepare(`PRAGMA ${name}`).all()).map((row) =>
      String(Object.values(row)[0])
    );
  }

  /** Does without a log beside the file, which is to be taken away; nobody else may have it open. */
  becomeOneFile(): void {
    this.#closeReaders();
    this.pragma("journal_mode=DELETE");
  }

  close(): void {
    this.#statements.clear();
    this.#logFile.close();
    this.#closeReaders();
    this.#sqlite.close();
  }

  #closeReaders(): void {
    for (const reader of this.#readers) reader.close();
    this.#readers.clear();
    this.#idleReaders.length = 0;
  }

  #checked(row: Row): Row {
    const { crc, ...rest } = row;
    if (checksum(rest) === crc) return rest;
    throw this.#error("E_JOURNAL_DAMAGED", "read", "a row does not match its checksum; see `sluice journal verify`");
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, statement = this.#sqlite.prepare(sql));
    return statement;
  }

  #guard<T>(act: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof JournalError || !isSqliteError(error)) throw error;
      const [code, reason] = explain(error);
      throw this.#error(code, act, reason, error);
    }
  }

  #error(code: string, act: string, reason: string, cause?: unknown): JournalError {
    return new JournalError(`Cannot ${act} journal ${this.path}: ${reason}`, { code, cause });
  }
}

function openWriter(path: string): DatabaseSync {
  // Names such as `:memory:` mean something else than a file to SQLite: a run would have no journal. A whole path never does.
  return new DatabaseSync(resolve(path), { timeout: BUSY_TIMEOUT_MS });
}

/**
 * Reading a journal in WAL mode writes a file beside it. Where that cannot be (an archive, another's folder), the file is
 * read as one that does not change, which is right as long as no log lies beside it.
 */
function openReader(path: string): DatabaseSync {
  const options = { readOnly: true, timeout: BUSY_TIMEOUT_MS };
  const sqlite = new DatabaseSync(resolve(path), options);
  try {
    sqlite.exec("PRAGMA schema_version");
    return sqlite;
  } catch (error) {
    if (!isSqliteError(error) || errcodeOf(error.message) !== SQLITE_READONLY || exists(`${path}-wal`)) return sqlite;
    sqlite.close();
    const uri = pathToFileURL(resolve(path));
    uri.search = "immutable=1";
    return new DatabaseSync(uri, options);
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

interface SqliteError extends Error {
  readonly errcode?: number;
}

function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && (error as { code?: unknown }).code === "ERR_SQLITE_ERROR";
}

function explain({ message, errcode = errcodeOf(message) }: SqliteError): readonly [code: string, reason: string] {
  switch (errcode & 0xff) {
    case SQLITE_READONLY:
      return ["E_JOURNAL_READONLY", "it is read-only; make it writable or name another file with --journal"];
    case SQLITE_FULL:
      return ["E_DISK_FULL", "the disk is full; free some space and run again, nothing is lost"];
    case SQLITE_IOERR:
      return ["E_DISK_IO", `the disk answers with an error (${message}); mend it and run again, nothing is lost`];
    case SQLITE_BUSY:
      return ["E_JOURNAL_BUSY", `another process has held it for ${BUSY_TIMEOUT_MS / 1000} s`];
    case SQLITE_CANTOPEN:
      return [
        "E_JOURNAL_MISSING",
        "there is no such file, its folder is missing or not readable, or it is a folder itself",
      ];
    default:
      return ["E_JOURNAL_DAMAGED", `${message}; restore it from a backup, or begin anew with another --journal`];
  }
}

function errcodeOf(message: string): number {
  return SENTENCES.find(([sentence]) => sentence.test(message))?.[1] ?? 0;
}

/** A CRC-32 over the columns of a row, each framed by its name, type and length: a damaged schema renames columns. */
export function checksum(row: Row): number {
  let crc = 0;
  for (const [name, cell] of Object.entries(row)) {
    const bytes = typeof cell === "string" || cell instanceof Uint8Array ? cell : String(cell);
    crc = crc32(bytes, crc32(`${name}:${typeof cell}${bytes.length}:`, crc));
  }
  return crc;
}
