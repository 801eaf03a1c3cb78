/** The commands that look at what was recorded, or run it again: their options. */

import { type Command, Option } from "commander";
import { journalOption, jsonOption, positive, setOption } from "./options.ts";

type SetExitCode = (code: number) => void;

/** Adds them. */
export function addRecordedCommands(program: Command, setExitCode: SetExitCode): void {
  addReplay(program, setExitCode);
  addBisect(program, setExitCode);
}

/** Adds the options that select recorded feeds. */
function withSelection(command: Command): Command {
  return command
    .addOption(journalOption())
    .option("--task <task>", "only this task")
    .option("--feeds <a..b>", "only these feeds, b excluded")
    .option("--offsets <s/p:a..b>", "only feeds with these offsets (or Redis ids) of a partition, b excluded")
    .option("--since <time>", "only feeds from that time on, such as 2026-11-26T08:30 (UTC) or milliseconds")
    .option("--until <time>", "only feeds before that time");
}

function addReplay(program: Command, setExitCode: SetExitCode): void {
  const command = program.command("replay")
    .description("Run recorded feeds again and compare; nothing is sent to the run's sinks.")
    .argument("<run>", "name of the run, or a case file (*.sluice)")
    .usage("<run> [options]")
    .addHelpText("before", REPLAY_EXAMPLES);
  withSelection(command)
    .option("--failed", "only feeds with records that failed, and the record that halted a task", false)
    .option("--with <script>", "what would this code have done: a difference per record, and a summary")
    .addOption(setOption())
    .addOption(
      new Option("--only <kind>", "with --with: describe records only where this differs")
        .choices(["changed", "missing", "extra", "errors", "state", "other"]),
    )
    .option("--effects <file>", "ask these handlers again, instead of taking the recorded answers")
    .option("--to <uri>", "write the replayed outputs there")
    .addOption(new Option("--max-divergences <n>", "describe so many").argParser(positive).default(100))
    .option("--json", "print the report as JSON", false)
    .action(async (run: string, options) => {
      const { replayCommand } = await import("./replay.ts");
      setExitCode(await replayCommand(run, options));
    });
}

function addBisect(program: Command, setExitCode: SetExitCode): void {
  const command = program.command("bisect")
    .description("Find the first record where other code does something else.")
    .argument("<run>", "name of the run, or a case file (*.sluice)")
    .usage("<run> --with SCRIPT [options]");
  withSelection(command)
    .requiredOption("--with <script>", "the other code")
    .addOption(setOption())
    .addOption(jsonOption())
    .action(async (run: string, options) => {
      const { bisectCommand } = await import("./replay.ts");
      setExitCode(await bisectCommand(run, options));
    });
}

const REPLAY_EXAMPLES = `Examples:
  sluice replay totals
  sluice replay totals --failed --with fixed.ts
  sluice replay totals --feeds 3..5 --to file:again.ndjson
  sluice replay totals --since 2026-11-26T08:00 --until 2026-11-26T09:00
  sluice replay case.sluice
`;
