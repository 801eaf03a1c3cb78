/**
 * Syncs of SQLite's write-ahead log, off the thread and shared: whoever waits while one is under way shares the next.
 *
 * A commit under `synchronous=FULL` is one under `NORMAL` and an fdatasync of the log behind it (sqlite.org/pragma.html);
 * done here, that sync keeps neither the other tasks of the thread nor the replies of sinks waiting. SQLite's locks are on
 * other files, so a second descriptor of the log takes none of them away.
 */

/** See the module. */
export class LogSync {
  readonly #work: () => Promise<void>;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  /** After a sync that failed, a later one may succeed without having written what the first did not. */
  #failure: unknown;

  /** @param work syncs the log */
  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Resolves when everything that was written before this call is on the disk; whoever asked first is told first. */
  sync(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    // Also when none is under way any more: whoever comes later must not overtake those who wait.
    if (this.#next) return this.#next;
    if (!this.#running) return this.#start();
    // The one under way may have begun before the last write.
    return this.#next = this.#running.then(() => {
      this.#next = undefined;
      return this.#start();
    });
  }

  #start(): Promise<void> {
    const running = this.#work().catch((error) => {
      this.#failure = error;
      throw error;
    });
    return this.#running = running.finally(() => this.#running = undefined);
  }
}

/** The log of the database at `path`; there is one as long as the database is open and was written to. */
export class LogFile {
  readonly #path: string;
  #file: Deno.FsFile | undefined;

  constructor(path: string) {
    this.#path = `${path}-wal`;
  }

  async sync(): Promise<void> {
    this.#file ??= await Deno.open(this.#path, { read: true, write: true });
    await this.#file.syncData();
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}
