/** What the page asks: runs, feeds, records, state, replays; read from a journal, and nothing is ever written. */

import { type FeedEntry, livingTasks, type Run } from "../../controller/journal/journal.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { payloadAt } from "../../formats/record_payload.ts";
import { feedAt } from "../../controller/replay/find_feed.ts";
import { FedView } from "../../controller/replay/fed_view.ts";
import { haltOf, recordedEffects } from "../../controller/replay/halted.ts";
import { behindLast, epochOf, type RanFeed, RecordedRealm } from "../../controller/replay/recorded_realm.ts";
import type { Recording } from "../../controller/replay/recording.ts";
import { replayTask } from "../../controller/replay/replay.ts";
import { runRecorded } from "../../controller/replay/rerun.ts";
import { placeOf } from "../../controller/replay/divergence.ts";
import { stateAt } from "../../controller/replay/state_in_time.ts";
import { unitTimes } from "../../controller/replay/unit_times.ts";
import { rewoundTo } from "../../controller/journal/positions.ts";
import { recordAt } from "../../controller/feed_record.ts";
import { toHex } from "../../engine/digest.ts";
import { placeText } from "../divergence_report.ts";
import { offsetText } from "../offsets.ts";
import { RecordedRun } from "../recorded_run.ts";
import { timeOf } from "../selection.ts";
import { timelineOf } from "./timeline.ts";
import type {
  BucketJson,
  FeedJson,
  FeedRow,
  ReplayJson,
  RunJson,
  RunRow,
  StateJson,
  TaskJson,
  UnitJson,
} from "./page/answers.ts";

const KEYS_MAX = 500;
const UNITS_MAX = 100;
const VALUE_UNITS_MAX = 2000;

/** Answers the page's questions about one journal. */
export class UiApi implements AsyncDisposable {
  readonly #path: string;
  readonly #journal: SqliteJournal;
  readonly #opened = new Map<string, RecordedRun>();
  /** Feeds are run one after the other: all of them in one sandbox. */
  #running: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
    this.#journal = SqliteJournal.openReader(path);
  }

  runs(): RunRow[] {
    return this.#journal.runs().map((run) => {
      const rows = this.#journal.tasks(run);
      const tasks = rows.map((task) => this.#journal.task(task));
      const living = livingTasks(rows).map((task) => this.#journal.task(task).lastFeed());
      const isHalted = tasks.some((task) => haltOf({ journal: this.#journal, run, taskJournal: task }));
      const state = isHalted ? "halted" : living.length > 0 && living.every((last) => last?.isEnd) ? "ended" : "open";
      const feeds = tasks.reduce((sum, task) => sum + (task.lastFeed()?.seq ?? -1) + 1, 0);
      return { name: run.name, processor: run.processor, tasks: tasks.length, feeds, state, createdMs: run.createdMs };
    });
  }

  run(name: string): RunJson {
    const { run, journal, words } = this.#recorded(name);
    const events = journal.events(run).map(({ kind, task, seq, atMs }) => ({
      kind,
      task: task ?? null,
      seq: seq ?? null,
      atMs,
    }));
    const { processor, seed, clock, sources, sinks, createdMs } = run;
    const tasks = this.#recorded(name).recordings().map((recording) => this.#task(recording));
    return { name, processor, seed, clock, sources, sinks, createdMs, words, tasks, events };
  }

  /** Feeds of a task, summed up into so many buckets at most. */
  timeline(name: string, task: string, from: number, to: number, bucketsMax: number): BucketJson[] {
    const { taskJournal } = this.#recording(name, task);
    return timelineOf(this.#recorded(name).journal, taskJournal, { from, to, bucketsMax });
  }

  feeds(name: string, task: string, from: number, count: number): FeedRow[] {
    const recording = this.#recording(name, task);
    return [...recording.taskJournal.feeds(from, from + count)].map((entry) => rowOf(entry, recording.run));
  }

  /** One feed, or the record that halted the task, run again: what each of its units was given, and did. */
  feed(name: string, task: string, seq: number, fromUnit: number): Promise<FeedJson> {
    return this.#exclusively(async () => {
      const recording = this.#recording(name, task);
      const halted = haltOf(recording);
      const isHalt = halted?.feed.seq === seq;
      const entry = isHalt ? behindLast(recording, seq) : feedAt(recording, seq);
      const options = isHalt ? "--failed" : `--feeds ${seq}..${seq + 1}`;
      const again = `sluice replay ${this.#recorded(name).words} --task ${task} ${options}`;
      const about = { ...aboutFeed(recording, entry), again };
      const realm = new RecordedRealm(recording, { role: `page ${seq}`, notesReads: true });
      try {
        const ran = isHalt ? await realm.runBehindLast(halted.feed) : await runRecorded(recording, realm, entry);
        if (!ran) return { ...about, units: [], unitCount: 0, missing: entry.givenUp ?? null };
        const view = new FedView(ran.fed, ran.info.outputs);
        const timesMs = unitTimes(recording, ran, view);
        const to = Math.min(view.length, fromUnit + UNITS_MAX);
        const units: UnitJson[] = [];
        for (let unit = fromUnit; unit < to; unit++) units.push(unitOf(recording, { ran, view, timesMs }, unit));
        return { ...about, units, unitCount: view.length, missing: null };
      } catch (error) {
        return { ...about, units: [], unitCount: 0, missing: (error as Error).message };
      } finally {
        await realm.close();
      }
    });
  }

  async state(name: string, task: string, feed: number, prefix: string): Promise<StateJson> {
    const { state, timers } = await stateAt(this.#recording(name, task), { feed });
    const found = [...state.keys()].filter((key) => key.startsWith(prefix)).sort();
    return {
      feed,
      count: found.length,
      entries: found.slice(0, KEYS_MAX).map((key) => ({ key, value: shorten(state.get(key)!) })),
      timers: [...timers].sort().slice(0, KEYS_MAX).map(([key, at]) => ({ key, atMs: Number(at) })),
    };
  }

  /** Runs a feed again and compares. */
  replay(name: string, task: string, seq: number): Promise<ReplayJson> {
    return this.#exclusively(async () => {
      const recording = this.#recording(name, task);
      const notices: string[] = [];
      const { records, divergences } = await replayTask(recording, {
        from: seq,
        to: seq + 1,
        isWanted: () => true,
        divergencesMax: 20,
        onNotice: (text) => notices.push(text),
      });
      return {
        records,
        notices,
        divergences: divergences.map(({ cause, because, others, ...each }) => ({
          place: placeText(each, recording.run),
          cause,
          because,
          differences: [each, ...others].map(({ field, recorded, replayed }) => ({
            field,
            recorded: textOf(recorded),
            replayed: textOf(replayed),
          })),
        })),
      };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.catch(() => {});
    for (const recorded of this.#opened.values()) await recorded[Symbol.asyncDispose]();
    this.#journal.close();
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#running.then(work, work);
    this.#running = result.catch(() => {});
    return result;
  }

  #recorded(name: string): RecordedRun {
    let recorded = this.#opened.get(name);
    if (!recorded) this.#opened.set(name, recorded = new RecordedRun(name, { journal: this.#path }));
    return recorded;
  }

  #recording(name: string, task: string): Recording {
    const found = this.#recorded(name).recordings().find(({ taskJournal }) => taskJournal.task.name === task);
    if (found) return found;
    throw new UnknownTask(`Cannot find task ${task} of run ${name}`);
  }

  #task(recording: Recording): TaskJson {
    const { taskJournal, run } = recording;
    const halted = haltOf(recording);
    const { name, partitions } = taskJournal.task;
    return {
      name,
      partitions: partitions.map(({ stream, partition }) => `${stream}/${partition}`),
      first: taskJournal.firstReplayable(),
      last: taskJournal.lastFeed()?.seq ?? -1,
      halted: halted
        ? {
          feed: halted.feed.seq,
          place: placeText(halted.place, run),
          failure: `${halted.failure.name}: ${halted.failure.message}`,
        }
        : null,
      epochs: taskJournal.epochs().map(({ epoch, openedMs, codeHash }) => ({
        epoch: Number(epoch),
        openedMs,
        code: codeHash.slice(0, 12),
      })),
    };
  }
}

/** A task that the page asked for and that there is not. */
export class UnknownTask extends Error {
  override readonly name = "UnknownTask";
  readonly code = "E_TASK_UNKNOWN";
}

function aboutFeed(recording: Recording, entry: FeedEntry) {
  const { codeHash, environment } = epochOf(recording, entry);
  return {
    ...rowOf(entry, recording.run),
    digest: toHex(entry.chain),
    code: { script: recording.journal.code(codeHash).script, hash: codeHash.slice(0, 12) },
    environment,
    receipts: entry.receipts ?? null,
  };
}

function rowOf(entry: FeedEntry, run: Run): FeedRow {
  const { seq, ranges, records, outputs, failures, isReborn, isEnd, epoch } = entry;
  return {
    seq,
    timeMs: timeOf(entry),
    records,
    outputs,
    failures,
    lagMs: lagOf(entry),
    isReborn,
    isEnd,
    epoch: Number(epoch),
    rewoundTo: rewoundTo(entry) ?? null,
    ranges: ranges.map(({ input, stream, partition, from, to }) => {
      const text = (offset: bigint) => offsetText(run.uris[input], offset);
      return `${stream}/${partition} ${text(from)}–${text(to)}`;
    }),
  };
}

function lagOf({ ranges: [range] }: FeedEntry): number | null {
  return range?.eventTimeMs === undefined ? null : range.timeMs - range.eventTimeMs;
}

interface Entered {
  readonly ran: RanFeed;
  readonly view: FedView;
  readonly timesMs: Float64Array;
}

function unitOf(recording: Recording, { ran, view, timesMs }: Entered, unit: number): UnitJson {
  const record = view.record(unit);
  const did = view.unit(unit);
  const place = placeOf(recording, ran, record, did);
  const found = recordAt(ran.feed, record);
  const payload = found && payloadAt(found.batch, found.row);
  const effects = recordedEffects(recording, ran.entry.seq).filter((effect) => effect.record === record);
  return {
    unit,
    place: placeText(place, recording.run),
    isRecord: record >= 0,
    key: payload?.key ?? null,
    value: payload?.value ? shorten(new TextDecoder().decode(payload.value)) : null,
    timeMs: timesMs[unit],
    outputs: did.outputs.map(({ name, key, value }) => ({ name, key, value: value === null ? null : shorten(value) })),
    trace: did.trace.filter(({ kind }) => kind !== "effect").map((entry) => ({
      ...entry,
      detail: shorten(entry.detail),
    })),
    effects: effects.map(({ name, inputJson, ok, text }) => ({
      name,
      input: shorten(inputJson),
      ok,
      answer: shorten(text),
    })),
    reads: ran.fed.reads?.find((each) => each.unit === unit)?.keys.slice(0, KEYS_MAX) ?? [],
    logs: record < 0
      ? []
      : ran.fed.logs.filter((line) => line.record === record).map(({ level, text }) => ({ level, text })),
    inspect: record < 0 ? null : `--inspect --break '${placeText(place, recording.run)}'`,
  };
}

function shorten(text: string): string {
  return text.length > VALUE_UNITS_MAX ? `${text.slice(0, VALUE_UNITS_MAX)}…` : text;
}

function textOf(value: unknown): string | null {
  if (value === undefined) return null;
  return shorten(typeof value === "string" ? value : JSON.stringify(value));
}
