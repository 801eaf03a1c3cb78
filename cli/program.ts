/** The commands and their options. Each command's code is loaded when it is called. */

import { Command, CommanderError, Option } from "commander";
import denoJson from "../deno.json" with { type: "json" };
import type { Limits } from "../controller/limits.ts";
import type { Observer } from "../controller/task_setup.ts";
import { READY_MADE } from "../processors/ready_made.ts";
import { commandLine, programName } from "./executable.ts";
import { EXIT } from "./exit_code.ts";
import { journalOption, jsonOption, positive, repeatable, setOption } from "./options.ts";
import { isPipelineFile } from "./pipelines/is_pipeline_file.ts";
import { addRecordedCommands } from "./recorded_commands.ts";
import { runOptions, sharingOptions } from "./run_options.ts";
import { reportError } from "./report_error.ts";
import { applySettings } from "./settings.ts";
import { addStreamCommands } from "./stream_commands.ts";

/** Hooks for tests that watch a run from inside. */
export interface ProgramHooks {
  readonly observer?: Observer;
  /** Limits that no option sets. */
  readonly limits?: Partial<Limits>;
}

type SetExitCode = (code: number) => void;

/** Runs the command line `args`; answers the exit code. */
export async function main(args: readonly string[], hooks: ProgramHooks = {}): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = buildProgram(hooks, (code) => exitCode = code);
  try {
    await applySettings(program);
    const commands = ["help", ...program.commands.map((command) => command.name())];
    await program.parseAsync([...commandLine(args, commands)], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportError(error);
  }
}

function buildProgram(hooks: ProgramHooks, setExitCode: SetExitCode): Command {
  const program = new Command(programName())
    .description("A deterministic, replayable stream processor.")
    .version(`sluice ${denoJson.version} (deno ${Deno.version.deno}, v8 ${Deno.version.v8})`)
    .showSuggestionAfterError(true)
    .configureHelp({ sortSubcommands: false, optionDescription: describeOption })
    .exitOverride();
  addRun(program, hooks, setExitCode);
  addRecordedCommands(program, setExitCode);
  addJournal(program, setExitCode);
  addDeadLetters(program, setExitCode);
  addStreamCommands(program, setExitCode);
  addCheck(program, setExitCode);
  addPipelines(program, setExitCode);
  addInit(program, setExitCode);
  addCompile(program, setExitCode);
  return program;
}

function addRun(program: Command, hooks: ProgramHooks, setExitCode: SetExitCode): void {
  const run = program.command("run")
    .description("Run a processor between streams.")
    .argument("<processor>", "path of a script or a pipeline file, or the name of a ready-made processor")
    .usage("<processor> --from URI --to URI [options]\n       sluice run <pipeline.yaml> [options]")
    .addHelpText("before", RUN_EXAMPLES)
    .addHelpText("after", "\nAn option can also come from SLUICE_<OPTION>, or from `option: value` in sluice.yaml.");
  for (const option of [...runOptions(), ...sharingOptions()]) run.addOption(option);
  run.action(async (processor: string, options) => {
    // The sandbox starts while the rest is loaded.
    const { openPool } = await import("../controller/sandbox/open_pool.ts");
    const pool = openPool(options);
    try {
      if (isPipelineFile(processor)) {
        const { runPipelines } = await import("./run_pipelines.ts");
        return setExitCode(await runPipelines(pool, processor, run, hooks));
      }
      const { runCommand } = await import("./run.ts");
      setExitCode(await runCommand(pool, processor, options, hooks));
    } finally {
      pool.close();
    }
  });
}

function addJournal(program: Command, setExitCode: SetExitCode): void {
  const journal = program.command("journal").description("Look into a journal, verify it, prune it.");
  const load = () => import("./journal.ts");
  journal.command("ls").description("List the runs.")
    .addOption(journalOption()).addOption(jsonOption())
    .action(async (options) => setExitCode((await load()).journalList(options)));
  journal.command("show").description("Show the feeds and events of a run.")
    .argument("<run>").addOption(journalOption()).addOption(jsonOption())
    .option("--feeds <a..b>", "only these feeds, b excluded")
    .action(async (run, options) => setExitCode((await load()).journalShow(run, options)));
  journal.command("verify").description("Check every row, digest and code of a journal.")
    .addOption(journalOption()).addOption(jsonOption())
    .action(async (options) => setExitCode((await load()).journalVerify(options)));
  journal.command("prune").description("Give back the space of feeds before the last ones.")
    .argument("<run>").addOption(journalOption()).addOption(jsonOption())
    .addOption(new Option("--keep-feeds <n>", "feeds to keep at least").argParser(positive).default(10_000))
    .action(async (run, options) => setExitCode(await (await load()).journalPrune(run, options)));
}

function addDeadLetters(program: Command, setExitCode: SetExitCode): void {
  const letters = program.command("deadletters").description("Records that were put aside by --on-error dead-letter.");
  const load = () => import("./deadletters.ts");
  letters.command("ls").description("List them.")
    .argument("<run>").addOption(journalOption()).addOption(jsonOption())
    .action(async (run, options) => setExitCode((await load()).deadLettersList(run, options)));
  letters.command("show").description("Show one whole.")
    .argument("<run>").argument("<id>", "as ls shows it", positive).addOption(journalOption()).addOption(jsonOption())
    .action(async (run, id, options) => setExitCode((await load()).deadLettersShow(run, id, options)));
  letters.command("redrive").description("Run them through a (mended) processor, as a run of its own.")
    .argument("<run>").addOption(journalOption()).addOption(jsonOption())
    .requiredOption("--with <script>", "the processor")
    .addOption(setOption())
    .addOption(repeatable("--to <uri>", "where its outputs go; repeat as name=URI for named outputs"))
    .option("--effects <file>", "module whose exports are the handlers of effects")
    .addOption(new Option("--id <id>", "only this one").argParser(positive))
    .action(async (run, options) => setExitCode(await (await load()).deadLettersRedrive(run, options)));
}

function addCheck(program: Command, setExitCode: SetExitCode): void {
  program.command("check").description("Check a processor: types, and APIs that it cannot have.")
    .argument("<processor>", "path of a script")
    .addOption(setOption())
    .addOption(jsonOption())
    .action(async (script, options) => setExitCode(await (await import("./check.ts")).checkCommand(script, options)));
}

function addPipelines(program: Command, setExitCode: SetExitCode): void {
  program.command("lint").description("Find what is wrong in pipeline files.")
    .argument("<file...>", "pipeline files")
    .addOption(jsonOption())
    .action(async (paths, options) => setExitCode((await import("./lint.ts")).lintCommand(paths, options)));
  program.command("explain").description("Show the steps of a processor, and what flows between them.")
    .argument("<processor>", "path of a script or a pipeline file, or the name of a ready-made processor")
    .addOption(setOption())
    .option("--pipeline <name>", "only this pipeline of a file with several")
    .option("--mermaid", "print a Mermaid flow chart", false)
    .addOption(jsonOption())
    .action(async (name, options) => setExitCode(await (await import("./explain.ts")).explainCommand(name, options)));
  program.command("schema").description("Print the JSON Schema of pipeline files, for editors.")
    .action(async () => {
      const [{ jsonSchema }, { printData }] = [await import("./pipelines/schema.ts"), await import("./output.ts")];
      printData(JSON.stringify(jsonSchema(), undefined, 2));
    });
}

function addInit(program: Command, setExitCode: SetExitCode): void {
  program.command("init").description("Write a starter project: a processor, its test, some records.")
    .argument("[folder]", "where to write it", ".")
    .action(async (folder) => setExitCode(await (await import("./init.ts")).initCommand(folder)));
}

function addCompile(program: Command, setExitCode: SetExitCode): void {
  program.command("compile").description("Make one executable of Sluice and processors; it needs no Deno.")
    .argument("[processor...]", "scripts and pipeline files; an executable of one runs it unless told a command")
    .addHelpText("after", COMPILE_EXAMPLES)
    .requiredOption("-o, --output <path>", "the executable")
    .option("--target <triple>", "another system, such as aarch64-unknown-linux-gnu")
    .addOption(repeatable("--allow <flag>", "permission of Deno to bake in instead of the usual ones; repeat"))
    .addOption(jsonOption())
    .action(async (targets, options) => {
      setExitCode(await (await import("./compile.ts")).compileCommand(targets, options));
    });
}

const COMPILE_EXAMPLES = `
Examples:
  sluice compile -o sluice
  sluice compile totals.ts -o totals && ./totals --from file:orders.ndjson --to file:totals.ndjson --until-end
  sluice compile totals.ts per_minute.yaml -o shop && ./shop run per_minute.yaml
  sluice compile totals.ts -o totals --allow=--allow-net=kafka:9092 --allow=--allow-read=/data --allow=--allow-write=/data
`;

const RUN_EXAMPLES = `Examples:
  sluice run totals.ts --from file:orders.ndjson --to file:totals.ndjson --until-end
  cat orders.ndjson | sluice run totals.ts --from - --to - | head
  sluice run per_minute.yaml --until-end
  sluice run count-by --set by=customer --from file:orders.ndjson --to file:counts.ndjson --until-end

Ready-made processors:
${READY_MADE.map(({ name, description }) => `  ${name.padEnd(10)}${description}`).join("\n")}
`;

/** Every option has a variable; telling so for each would hide the rest. */
function describeOption({ description, argChoices, defaultValueDescription, defaultValue }: Option): string {
  const choices = argChoices ? `: ${argChoices.join(", ")}` : "";
  const shown = defaultValueDescription ?? defaultValue;
  const isTelling = shown !== undefined && shown !== "none" && shown !== false;
  return `${description}${choices}${isTelling ? ` (default: ${shown})` : ""}`;
}
