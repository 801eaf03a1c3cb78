/** The commands that look at streams, or write to one, without a run: their options. */

import { type Command, Option } from "commander";
import { journalOption, jsonOption, positive, repeatable } from "./options.ts";

type SetExitCode = (code: number) => void;

/** Adds `lag`, `streams`, `tail` and `put`. */
export function addStreamCommands(program: Command, setExitCode: SetExitCode): void {
  addLag(program, setExitCode);
  addStreams(program, setExitCode);
  addTail(program, setExitCode);
  addPut(program, setExitCode);
}

function addLag(program: Command, setExitCode: SetExitCode): void {
  program.command("lag").description("Show how far runs are behind the ends of their streams.")
    .argument("[run]", "only this run")
    .addOption(journalOption()).addOption(jsonOption())
    .action(async (run, options) => setExitCode(await (await import("./lag.ts")).lagCommand(run, options)));
}

function addStreams(program: Command, setExitCode: SetExitCode): void {
  program.command("streams").description(
    "Show topics or streams: where they begin and end, how long they keep; of one, all there is to know.",
  )
    .argument("<uri>", "kafka://host:port, redis://host:port or kinesis://region, with or without /name")
    .addOption(jsonOption())
    .action(async (uri, options) => setExitCode(await (await import("./streams.ts")).streamsCommand(uri, options)));
}

function addTail(program: Command, setExitCode: SetExitCode): void {
  program.command("tail").description("Print the records of a stream.")
    .argument("<uri>", "such as kafka://host:port/topic, redis://host:port/stream or kinesis://region/stream")
    .addHelpText("before", TAIL_EXAMPLES)
    .option(
      "-o, --offset <offset>",
      "where to begin: beginning, end, 123 (in Redis an id), -10 (the last ten; not in Kinesis), s@ms (a time)",
    )
    .option("-e, --exit", "stop at the end, instead of following it", false)
    .addOption(new Option("-c, --count <n>", "stop after so many records").argParser(positive))
    .option("-p, --partition <partition>", "only this partition")
    .option(
      "-f, --format <format>",
      "%s value, %k key, %t topic, %p partition, %o offset, %T time, %h headers; \\n, \\t",
    )
    .option("-J, --json", "print envelopes: topic, partition, offset, ts, headers, key, payload", false)
    .action(async (uri, options) => setExitCode(await (await import("./tail.ts")).tailCommand(uri, options)));
}

function addPut(program: Command, setExitCode: SetExitCode): void {
  program.command("put").description("Write lines as records, from standard input or a file.")
    .argument("<uri>", "such as kafka://host:port/topic, redis://host:port/stream or kinesis://region/stream")
    .addHelpText("before", PUT_EXAMPLES)
    .option("--file <file>", "read this file instead of standard input")
    .option("-K, --key-delimiter <text>", "a line is key, delimiter, value")
    .option("-k, --key <key>", "the key of all records")
    .addOption(repeatable("-H, --header <name=value>", "header of all records; repeat"))
    .addOption(
      new Option("-p, --partition <n>", "partition of all records; the key decides otherwise").argParser(Number),
    )
    .option("--envelope", "lines are envelopes, as tail --json prints them", false)
    .option("--json", "print the summary as JSON", false)
    .option("--quiet", "print no summary", false)
    .action(async (uri, options) => setExitCode(await (await import("./put.ts")).putCommand(uri, options)));
}

const TAIL_EXAMPLES = `Examples:
  sluice tail kafka://localhost:9092/orders -o -10 -e
  sluice tail kafka://localhost:9092/orders -f '%T %k %s\\n'
  sluice tail 'redis://localhost:6379/orders?field=*' -o -10
  sluice tail kafka://localhost:9092/orders --json -c 1 -o s@1700000000000
`;

const PUT_EXAMPLES = `Examples:
  sluice put kafka://localhost:9092/orders --file orders.ndjson
  echo 'ann:{"cents":5}' | sluice put kafka://localhost:9092/orders -K : -H source=test
  sluice put redis://localhost:6379/orders --file orders.ndjson
  sluice tail kafka://a:9092/orders -e --json | sluice put 'kafka://b:9092/orders?create=true' --envelope
`;
