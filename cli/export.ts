/** `sluice export`: some feeds of a run as one file that replays anywhere. */

import { exportCase, type ExportReport } from "../controller/cases/export_case.ts";
import { FieldRedaction } from "../controller/cases/redaction.ts";
import { haltOf } from "../controller/replay/halted.ts";
import type { Recording } from "../controller/replay/recording.ts";
import { selectedFeeds } from "../controller/replay/replay.ts";
import { counted } from "./counted.ts";
import { EXIT } from "./exit_code.ts";
import { printData, printMessage } from "./output.ts";
import { isCaseFile, RecordedRun, type RecordedRunOptions } from "./recorded_run.ts";
import { isRange, selectFeeds, type SelectionOptions } from "./selection.ts";
import { UsageError } from "./usage_error.ts";

/** The options as commander gives them. */
export interface ExportCommandOptions extends RecordedRunOptions, SelectionOptions {
  readonly output?: string;
  readonly redact: readonly string[];
  readonly salt?: string;
  readonly json: boolean;
}

/** Runs the command; answers the exit code. */
export async function exportCommand(name: string, options: ExportCommandOptions): Promise<number> {
  await using recorded = new RecordedRun(name, options);
  const { recording, from, to } = theSelected(recorded.recordings(), options);
  const task = recording.taskJournal.task.name;
  const path = options.output ?? `${recorded.run.name}-${task}-${from}.sluice`;
  if (!isCaseFile(path)) throw new UsageError(`Cannot export to ${path}: the name of a case ends in .sluice`);
  const redaction = redactionOf(options);
  const report = await exportCase(recording, path, { from, to, ...redaction, nowMs: Date.now() });
  if (options.json) printData(JSON.stringify({ case: path, ...report, redacted: options.redact }));
  else printMessage(describe(path, report, options));
  return EXIT.ok;
}

function redactionOf({ redact, salt = crypto.randomUUID() }: ExportCommandOptions): { redaction?: FieldRedaction } {
  const fields = redact.flatMap((each) => each.split(",")).map((field) => field.trim()).filter((field) => field !== "");
  return fields.length === 0 ? {} : { redaction: new FieldRedaction(fields, salt) };
}

interface Selected {
  readonly recording: Recording;
  /** Feeds `[from, to)`. */
  readonly from: number;
  readonly to: number;
}

/** The feeds of the only task that has any that are wanted. */
function theSelected(recordings: readonly Recording[], options: SelectionOptions): Selected {
  const selected = recordings.flatMap((recording) => {
    const range = rangeOf(recording, options);
    return range ? [{ recording, ...range }] : [];
  });
  if (selected.length === 1) return selected[0];
  if (selected.length === 0) throw new UsageError("Cannot export: no feed is like that; see sluice journal show");
  const names = selected.map(({ recording }) => recording.taskJournal.task.name).join(", ");
  throw new UsageError(`Cannot export: tasks ${names} have such feeds, a case holds one; choose one with --task`);
}

function rangeOf(recording: Recording, options: SelectionOptions): Omit<Selected, "recording"> | undefined {
  const halted = isRange(options) ? undefined : haltOf(recording);
  const seqs = Array.from(selectedFeeds(recording, selectFeeds(recording, options)), ({ seq }) => seq);
  if (halted) seqs.push(halted.feed.seq);
  return seqs.length === 0 ? undefined : { from: seqs[0], to: seqs.at(-1)! + 1 };
}

function describe(path: string, report: ExportReport, { redact }: ExportCommandOptions): string {
  const { from, to, records, diverged, isHalted } = report;
  const feeds = to > from ? `feeds ${from} to ${to - 1}` : "no feeds";
  return [
    `${path}: ${feeds}${isHalted ? " and the record that halted the task" : ""}, ${counted(records, "record")}`,
    ...(redact.length > 0 ? [`  ${redact.join(", ")} masked; digests are those of the masked records`] : []),
    ...(diverged.length > 0 ? [`  feeds ${diverged.join(", ")} did something else than was recorded`] : []),
    `  sluice replay ${path}`,
    `  sluice test-from ${path}`,
  ].join("\n");
}
