/** The tables of a journal, and how older journals become today's (I10). docs/JOURNAL.md explains them for users. */

/** Marks a SQLite file as a journal: "Sluc". */
export const APPLICATION_ID = 0x536c7563;

/** Migrations in order; the version of a journal is how many of them it has. Released ones never change. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    spec TEXT NOT NULL,
    crc INTEGER NOT NULL
  );
  CREATE TABLE code (
    hash TEXT PRIMARY KEY,
    script TEXT NOT NULL,
    bundle TEXT NOT NULL,
    source_map TEXT NOT NULL,
    crc INTEGER NOT NULL
  );
  CREATE TABLE tasks (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id),
    name TEXT NOT NULL,
    partitions TEXT NOT NULL,
    crc INTEGER NOT NULL,
    UNIQUE (run, name)
  );
  CREATE TABLE epochs (
    task INTEGER NOT NULL REFERENCES tasks (id),
    epoch INTEGER NOT NULL,
    opened_ms INTEGER NOT NULL,
    code TEXT NOT NULL REFERENCES code (hash),
    environment TEXT NOT NULL,
    config TEXT NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (task, epoch)
  );
  CREATE TABLE feeds (
    task INTEGER NOT NULL REFERENCES tasks (id),
    seq INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    ranges TEXT NOT NULL,
    tick_ms REAL,
    is_end INTEGER NOT NULL,
    is_reborn INTEGER NOT NULL,
    records INTEGER NOT NULL,
    outputs INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    letters INTEGER NOT NULL,
    now_ms REAL NOT NULL,
    is_started INTEGER NOT NULL,
    chain BLOB NOT NULL,
    input_digest BLOB NOT NULL,
    given_up TEXT,
    crc INTEGER NOT NULL,
    PRIMARY KEY (task, seq)
  );
  CREATE TABLE settlements (
    task INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    receipts TEXT NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (task, seq)
  );
  CREATE TABLE progress (
    task INTEGER PRIMARY KEY REFERENCES tasks (id),
    seq INTEGER NOT NULL,
    positions TEXT NOT NULL,
    crc INTEGER NOT NULL
  );
  CREATE TABLE unit_digests (
    task INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    digests BLOB NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (task, seq)
  );
  CREATE TABLE state_changes (
    task INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    state TEXT NOT NULL,
    state_lengths BLOB NOT NULL,
    timers TEXT NOT NULL,
    timer_lengths BLOB NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (task, seq)
  );
  CREATE TABLE snapshots (
    task INTEGER NOT NULL,
    begin_seq INTEGER NOT NULL,
    part INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    is_last INTEGER NOT NULL,
    state TEXT NOT NULL,
    state_lengths BLOB NOT NULL,
    timers TEXT NOT NULL,
    timer_lengths BLOB NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (task, begin_seq, part)
  );
  CREATE TABLE effects (
    task INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    id INTEGER NOT NULL,
    record INTEGER NOT NULL,
    name TEXT NOT NULL,
    input TEXT NOT NULL,
    is_ok INTEGER NOT NULL,
    answer TEXT NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (task, seq, id)
  );
  CREATE TABLE inputs (
    task INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    packed BLOB NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (task, seq, batch)
  );
  CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY,
    task INTEGER NOT NULL REFERENCES tasks (id),
    seq INTEGER NOT NULL,
    input TEXT NOT NULL,
    stream TEXT NOT NULL,
    partition TEXT NOT NULL,
    record_offset TEXT NOT NULL,
    record_key TEXT,
    record_value BLOB,
    failure TEXT NOT NULL,
    crc INTEGER NOT NULL
  );
  CREATE TABLE redriven (
    dead_letter INTEGER PRIMARY KEY REFERENCES dead_letters (id),
    at_ms INTEGER NOT NULL,
    crc INTEGER NOT NULL
  );
  CREATE INDEX dead_letters_by_task ON dead_letters (task, seq);
  CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id),
    kind TEXT NOT NULL,
    task TEXT,
    seq INTEGER,
    at_ms INTEGER NOT NULL,
    detail TEXT NOT NULL,
    crc INTEGER NOT NULL
  );
  `,
  // Which tasks go on for others: after a reshard. State may name its owners from here on (engine/owner.ts).
  `
  CREATE TABLE successions (
    task INTEGER PRIMARY KEY REFERENCES tasks (id),
    predecessors TEXT NOT NULL,
    crc INTEGER NOT NULL
  );
  `,
];
