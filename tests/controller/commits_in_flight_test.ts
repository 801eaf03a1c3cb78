/** Feeds that are prepared while the ones before them are on their way: none is seen before it is durable. */

import { assert, assertEquals } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { type Acquired, type Checkpoint, type Commit, type Receipt, SinkError } from "../../adapters/sink.ts";
import { pruneRun } from "../../controller/journal/prune.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { runProcessor } from "../../controller/run_processor.ts";
import { toHex } from "../../engine/digest.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const RECORDS = 5;
/** Enough for whoever does not wait to go on. */
const TURNS = 200;

/** A disk whose syncs do not end, from the second on, until it is let go on. */
class HeldDisk implements Disposable {
  readonly #syncData = Deno.FsFile.prototype.syncData;
  readonly #released = Promise.withResolvers<void>();
  #syncs = 0;
  isHeld = false;

  constructor() {
    const [syncData, waitOnce] = [this.#syncData, () => this.#wait()];
    Deno.FsFile.prototype.syncData = async function (this: Deno.FsFile): Promise<void> {
      await waitOnce();
      await syncData.call(this);
    };
  }

  async #wait(): Promise<void> {
    if (++this.#syncs === 1) return;
    this.isHeld = true;
    await this.#released.promise;
    this.isHeld = false;
  }

  release(): void {
    this.#released.resolve();
  }

  [Symbol.dispose](): void {
    Deno.FsFile.prototype.syncData = this.#syncData;
  }
}

/** Nobody knows whether its first commit happened; it did not. */
class UnsureSink extends MemorySink {
  readonly commitsInFlightMax = 3;
  readonly takenWhileHeld: string[] = [];
  readonly #disk: HeldDisk;
  #hasFailed = false;

  constructor(disk: HeldDisk) {
    super();
    this.#disk = disk;
  }

  override acquire(task: string, epoch: bigint): Promise<Acquired> {
    if (this.#disk.isHeld) this.takenWhileHeld.push("acquire");
    return super.acquire(task, epoch);
  }

  override commit(commit: Commit): Promise<Receipt> {
    if (this.#hasFailed) {
      if (this.#disk.isHeld) this.takenWhileHeld.push(`feed ${commit.seq}`);
      return super.commit(commit);
    }
    this.#hasFailed = true;
    void this.#letGoOn();
    return Promise.reject(new SinkError("Cannot tell", { code: "E_COMMIT_UNKNOWN", isRetriable: true }));
  }

  async #letGoOn(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
    this.#disk.release();
  }
}

Deno.test("after a commit whose outcome is unknown, the feeds behind it are sent again when they are durable, not before", async () => {
  await using folder = new TestFolder();
  using disk = new HeldDisk();
  const processor = folder.write("p.ts", scriptOf("context.emit({ value });"));
  const sink = new UnsureSink(disk);
  const records = Array.from({ length: RECORDS }, (_, i) => ({ value: String(i) }));
  const { failures } = await runProcessor({
    processor,
    journal: folder.at("j.db"),
    from: { default: new MemorySource("lines", { "0": records }) },
    to: { default: sink },
    limits: { feedRecordsMax: 1 },
  });
  assertEquals([failures, sink.takenWhileHeld], [[], []]);
  assertEquals(sink.outputs.map(({ value }) => value), records.map(({ value }) => value));
});

async function pruneAll(path: string): Promise<void> {
  const journal = await SqliteJournal.open(path);
  pruneRun(journal, journal.run("test")!, 0, 0);
  journal.close();
}

/** Of each third feed nobody knows whether its first commit happened; it did not, and somebody prunes the journal meanwhile. */
class PrunedSink extends MemorySink {
  readonly commitsInFlightMax = 3;
  readonly #path: string;
  readonly #failed = new Set<number>();

  constructor(path: string) {
    super();
    this.#path = path;
  }

  override async commit(commit: Commit): Promise<Receipt> {
    if (commit.seq % 3 !== 2 || this.#failed.has(commit.seq)) return await super.commit(commit);
    this.#failed.add(commit.seq);
    await pruneAll(this.#path);
    throw new SinkError("Cannot tell", { code: "E_COMMIT_UNKNOWN", isRetriable: true });
  }
}

/** Between two runs its system loses all but the first feeds; somebody prunes the journal while they are brought back. */
class ForgetfulSink extends MemorySink {
  readonly broughtBack: number[] = [];
  readonly #path: string;
  readonly #checkpoints: Checkpoint[] = [];
  #remembered: Checkpoint | undefined;

  constructor(path: string) {
    super();
    this.#path = path;
  }

  forgetBehind(seq: number): void {
    this.#remembered = this.#checkpoints.find((each) => each.seq === seq);
  }

  override async acquire(task: string, epoch: bigint): Promise<Acquired> {
    return this.#remembered ? { epoch, checkpoint: this.#remembered } : await super.acquire(task, epoch);
  }

  override async commit(commit: Commit): Promise<Receipt> {
    if (this.#remembered) {
      this.broughtBack.push(commit.seq);
      await pruneAll(this.#path);
      return {};
    }
    this.#checkpoints.push({ seq: commit.seq, epoch: commit.epoch, receipt: {}, digest: toHex(commit.digest) });
    return await super.commit(commit);
  }
}

Deno.test("what a sink lost is brought back, however much is pruned meanwhile", async () => {
  await using folder = new TestFolder();
  const sink = new ForgetfulSink(folder.at("j.db"));
  const run = async () => {
    const { failures } = await runProcessor({
      processor: folder.write("p.ts", scriptOf("context.emit({ value });")),
      journal: folder.at("j.db"),
      from: { default: new MemorySource("lines", { "0": Array.from({ length: 20 }, () => ({ value: "0" })) }) },
      to: { default: sink },
      limits: { feedRecordsMax: 1, snapshotFeedsMin: 1 },
    });
    assertEquals(failures, []);
  };
  await run();
  sink.forgetBehind(4);
  await run();
  assertEquals(sink.broughtBack, Array.from({ length: sink.broughtBack.length }, (_, i) => 5 + i));
  assert(sink.broughtBack.length >= 15, `feeds ${sink.broughtBack} were brought back`);
  await pruneAll(folder.at("j.db"));
});

Deno.test("a feed whose commit is of unknown outcome can be run again, however much is pruned meanwhile", async () => {
  await using folder = new TestFolder();
  const count =
    "const n = (context.state.get<number>('n') ?? 0) + 1; context.state.set('n', n); context.emit({ value: n });";
  const sink = new PrunedSink(folder.at("j.db"));
  const { failures } = await runProcessor({
    processor: folder.write("p.ts", scriptOf(count)),
    journal: folder.at("j.db"),
    from: { default: new MemorySource("lines", { "0": Array.from({ length: 20 }, () => ({ value: "0" })) }) },
    to: { default: sink },
    limits: { feedRecordsMax: 1, snapshotFeedsMin: 1, feedsInFlightMax: 4 },
  });
  assertEquals(failures, []);
  assertEquals(sink.outputs.map(({ value }) => Number(value)), Array.from({ length: 20 }, (_, i) => i + 1));
});
