/** The commands that look at what was recorded, or run it again: their options. */

import { type Command, Option } from "commander";
import { journalOption, jsonOption, notNegative, positive, repeatable, setOption } from "./options.ts";

type SetExitCode = (code: number) => void;

/** Adds them. */
export function addRecordedCommands(program: Command, setExitCode: SetExitCode): void {
  addReplay(program, setExitCode);
  addBisect(program, setExitCode);
  addState(program, setExitCode);
  addWhy(program, setExitCode);
  addImpact(program, setExitCode);
  addExport(program, setExitCode);
  addTestFrom(program, setExitCode);
  addRewind(program, setExitCode);
  addUi(program, setExitCode);
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
    .option("--inspect [address]", "run under the V8 inspector, for Chrome DevTools or VS Code (127.0.0.1:9229)")
    .option("--break <s/p@offset>", "with --inspect: stop before this record (default: the first, or the failed one)")
    .option("--step", "look at one record after the other, forwards and backwards, in a session", false)
    .addOption(
      repeatable("--log <expression>", "print it at the line that --at names, without touching the code; repeat"),
    )
    .addOption(repeatable("--at <file:line>", "where --log evaluates; repeat"))
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

function addState(program: Command, setExitCode: SetExitCode): void {
  program.command("state")
    .description("Show the state of a run's tasks: now, or at any moment.")
    .argument("<run>", "name of the run, or a case file (*.sluice)")
    .usage("<run> [options]")
    .addHelpText("before", STATE_EXAMPLES)
    .addOption(journalOption())
    .option("--task <task>", "only this task")
    .option("--at <moment>", "after this feed, or after this record (stream/partition@offset); default: the last feed")
    .option("--key <key>", "only this key")
    .option("--prefix <text>", "only keys that begin with it")
    .option("--diff <a..b>", "what changed between two moments")
    .option("--history <key>", "every change of one key, with the record that made it")
    .option("--feeds <a..b>", "with --history: only these feeds, b excluded")
    .addOption(jsonOption())
    .action(async (run: string, options) => setExitCode(await (await import("./state.ts")).stateCommand(run, options)));
}

function addWhy(program: Command, setExitCode: SetExitCode): void {
  const command = program.command("why")
    .description("Tell where an output comes from: record, state, effects and code behind it.")
    .argument("<run>", "name of the run, or a case file (*.sluice)")
    .argument(
      "<output>",
      "FEED#INDEX, @N (the Nth of its task, from 0), a Redis id, URI/PARTITION@OFFSET, JSON that its value contains, or a text",
    )
    .usage("<run> <output> [options]")
    .addHelpText("before", WHY_EXAMPLES);
  withSelection(command)
    .option("--last", "when several outputs are alike, the last one", false)
    .addOption(jsonOption())
    .action(async (run: string, output: string, options) =>
      setExitCode(await (await import("./why.ts")).whyCommand(run, output, options))
    );
}

function addImpact(program: Command, setExitCode: SetExitCode): void {
  program.command("impact")
    .description("Tell what a record did: the outputs, keys of the state, timers and effects that it touched.")
    .argument("<run>", "name of the run, or a case file (*.sluice)")
    .argument("<record>", "stream/partition@offset")
    .usage("<run> <record> [options]")
    .addOption(journalOption())
    .option("--task <task>", "only this task")
    .addOption(jsonOption())
    .action(async (run: string, record: string, options) =>
      setExitCode(await (await import("./why.ts")).impactCommand(run, record, options))
    );
}

function addExport(program: Command, setExitCode: SetExitCode): void {
  const command = program.command("export")
    .description("Write feeds, with their inputs, state, effects and code, to one file that replays anywhere.")
    .argument("<run>", "name of the run")
    .usage("<run> [options]")
    .addHelpText("before", EXPORT_EXAMPLES);
  withSelection(command)
    .option(
      "--failed",
      "from the first feed with a record that failed to the last, or to the record that halted",
      false,
    )
    .option("-o, --output <file>", "the case file, *.sluice (default: RUN-TASK-FEED.sluice)")
    .addOption(repeatable("--redact <fields>", "mask these fields, such as email,customer.name; repeat"))
    .option("--salt <text>", "what masks depend on, for the same ones in several cases (default: by chance)")
    .addOption(jsonOption())
    .action(async (run: string, options) =>
      setExitCode(await (await import("./export.ts")).exportCommand(run, options))
    );
}

function addTestFrom(program: Command, setExitCode: SetExitCode): void {
  program.command("test-from")
    .description("Write a test from a case: its records as fixtures, its outputs and state as a snapshot.")
    .argument("<case>", "the case file, *.sluice")
    .option("-o, --output <file>", "the test (default: tests/CASE_test.ts)")
    .option("--processor <script>", "the processor to test (default: the script that was recorded, where it still is)")
    .action(async (path: string, options) =>
      setExitCode(await (await import("./test_from.ts")).testFromCommand(path, options))
    );
}

function addRewind(program: Command, setExitCode: SetExitCode): void {
  program.command("rewind")
    .description("Move a stopped run back; says what that means, and does it with --yes.")
    .argument("<run>")
    .usage("<run> --to-feed N | --to stream/partition:offset [--yes] [options]")
    .addOption(journalOption())
    .option("--task <task>", "the task, where there are several")
    .addOption(new Option("--to-feed <n>", "back to where it stood before this feed").argParser(notNegative))
    .option("--to <s/p:offset>", "back to the feed with this offset")
    .option("--yes", "do it", false)
    .option("--emit-again", "although its sinks will get outputs a second time", false)
    .addOption(jsonOption())
    .action(async (run: string, options) =>
      setExitCode(await (await import("./rewind.ts")).rewindCommand(run, options))
    );
}

function addUi(program: Command, setExitCode: SetExitCode): void {
  program.command("ui")
    .description("Look at runs, feeds, records and state on a local page; it only reads.")
    .addOption(journalOption())
    .addOption(new Option("--port <n>", "where it listens; 0 for any").argParser(notNegative).default(4400))
    .option("--host <address>", "for whom; beyond this machine a token is wanted", "127.0.0.1")
    .option("--json", "print the address as JSON", false)
    .action(async (options) => setExitCode(await (await import("./ui_command.ts")).uiCommand(options)));
}

const EXPORT_EXAMPLES = `Examples:
  sluice export totals --failed -o incident_1234.sluice
  sluice export totals --feeds 12..14 --redact email,customer.name
`;

const STATE_EXAMPLES = `Examples:
  sluice state totals --at 12 --key ann
  sluice state totals --at orders.ndjson/0@4711
  sluice state totals --diff 3..7
  sluice state totals --history ann
`;

const WHY_EXAMPLES = `Examples:
  sluice why totals '{"customer":"ann"}' --last
  sluice why totals 12#0
  sluice why totals @4711
  sluice why totals kafka://localhost:9092/totals/0@4711
`;

const REPLAY_EXAMPLES = `Examples:
  sluice replay totals
  sluice replay totals --failed --with fixed.ts
  sluice replay totals --feeds 3..5 --to file:again.ndjson
  sluice replay totals --since 2026-11-26T08:00 --until 2026-11-26T09:00
  sluice replay case.sluice
`;
