/** `deno task fuzz`: fuzzes every decoder for a while; what finds something new is kept, what breaks one is shown. */

import { Command, InvalidArgumentError } from "commander";
import { keep, keepNews, keptOf } from "./corpus.ts";
import { fuzz } from "./target.ts";
import { TARGETS } from "./all_targets.ts";

function count(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new InvalidArgumentError(`Cannot use ${text}: a whole number from 0 on is wanted`);
}

const { seconds, seed, target: wanted } = new Command("fuzz")
  .description("Fuzzes the decoders of everything that comes from outside")
  .option("--seconds <number>", "how long, for each of them", count, 10)
  .option("--seed <number>", "what the changes of inputs begin with", count, Date.now() % 2 ** 31)
  .option("--target <name>", `only this one: ${TARGETS.map(({ name }) => name).join(", ")}`)
  .parse(["deno", "fuzz", ...Deno.args]).opts<{ seconds: number; seed: number; target?: string }>();

console.log(`seed ${seed}`);
let defects = 0;
for (const target of TARGETS) {
  if (wanted !== undefined && wanted !== target.name) continue;
  const options = { seed, inputsMax: Infinity, timeMsMax: 1000 * seconds, corpus: keptOf(target) };
  const { inputs, findings, news } = fuzz(target, options);
  console.log(`${target.name}: ${inputs} inputs, ${news.size} new kinds, ${findings.length} defects`);
  if (!target.isLarge) { for (const input of news.values()) keepNews(target, input); }
  for (const { input, defect } of findings) {
    defects++;
    console.log(`  ${defect}\n  kept as ${keep(target, input)}`);
  }
}
Deno.exit(defects === 0 ? 0 : 1);
