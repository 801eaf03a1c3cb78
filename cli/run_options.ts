/** The options of `sluice run`. */

import { InvalidArgumentError, Option } from "commander";
import { journalOption, notNegative, positive, repeatable, setOption } from "./options.ts";

/** All of them but those for sharing a run. */
export function runOptions(): readonly Option[] {
  return [
    repeatable("--from <uri>", "stream to read; repeat as name=URI for named inputs"),
    repeatable("--to <uri>", "stream to write; repeat as name=URI for named outputs"),
    setOption(),
    new Option("--pipeline <name>", "only this pipeline of a file with several"),
    new Option("--watch", "go on with what the pipeline file says whenever it changes").default(false),
    new Option("--name <run>", "name of the run (default: the processor's name)"),
    journalOption(),
    new Option("--until-end", "stop when the inputs end, instead of following them").default(false),
    new Option("--workers <n>", "threads to spread tasks over").argParser(positive).default(1),
    new Option("--isolation <kind>", "how processors are kept apart").choices(["worker", "process"]).default(
      "worker",
    ),
    new Option("--clock <clock>", "where logical time comes from").choices(["feed", "event"]).default("feed"),
    new Option("--seed <n>", "seed of all random numbers").argParser(integer).default(0),
    new Option("--on-error <policy>", "what to do with a record that fails")
      .choices(["halt", "dead-letter", "skip"]).default("halt"),
    new Option("--capture <policy>", "which inputs the journal keeps").choices(["auto", "all", "none"]).default(
      "auto",
    ),
    new Option("--accept-gap", "go on behind records that were trimmed before they were read; the journal notes it")
      .default(false),
    new Option("--tasks <n>", "let partitions share so many tasks, with their state; each has its own otherwise")
      .argParser(positive),
    new Option("--feed-records <n>", "records in one feed at most").argParser(positive).default(10_000),
    new Option("--linger <ms>", "how long records wait for others to share their feed").argParser(notNegative)
      .default(0),
    new Option("--record-timeout <s>", "seconds a record may run").argParser(positive).default(10),
    new Option("--shutdown-timeout <s>", "seconds to finish in after a signal").argParser(positive).default(30),
    new Option("--effects <file>", "module whose exports are the handlers of effects"),
    new Option("--verify <share>", "run this share of the feeds again meanwhile and compare").argParser(share),
    new Option("--on-divergence <act>", "what to do when --verify finds a difference").choices(["stop", "warn"])
      .default("warn"),
    new Option("--json", "print the summary as JSON").default(false),
    new Option("--quiet", "print no summary").default(false),
  ];
}

/** What it takes to share a run with other processes. */
export function sharingOptions(): readonly Option[] {
  return [
    new Option(
      "--store <uri>",
      "share the run with other processes, such as dynamodb://region/table (docs/SHARING.md)",
    ),
    new Option("--owner <name>", "what this process is called among them; made up otherwise"),
    new Option("--lease <s>", "seconds after which a silent process loses its tasks").argParser(positive).default(10),
  ];
}

function integer(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError("A whole number is wanted.");
  return value;
}

function share(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError("A share above 0, up to 1, is wanted, such as 0.01.");
  return value;
}
