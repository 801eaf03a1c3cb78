/** What a soak came to, for people. */

import { linePlot } from "../svg_plot.ts";
import type { HopSample } from "./hop.ts";

/** How everything stood at a moment. */
export interface Sample {
  readonly atMs: number;
  readonly put: number;
  readonly hops: readonly HopSample[];
}

/** A soak. */
export interface Soak {
  readonly minutes: number;
  readonly rate: number;
  readonly seed: number;
  readonly put: number;
  readonly samples: readonly Sample[];
  readonly kills: readonly { readonly name: string; readonly kills: number }[];
  readonly problems: readonly string[];
}

const QUANTITIES = [
  ["residentMb", "memory, MB"],
  ["handles", "open handles"],
  ["journalMb", "journal, MB"],
] as const;

/** The report as Markdown; its plots are written beside it. */
export function reportOf({ minutes, rate, seed, put, samples, kills, problems }: Soak): string {
  const startMs = samples[0]?.atMs ?? 0;
  const rows = QUANTITIES.flatMap(([quantity, title]) =>
    kills.map(({ name }, hop) => {
      const values = samples.map(({ hops }) => hops[hop][quantity]).filter((value) => value > 0);
      const [first, last] = [median(values.slice(0, values.length >> 2)), median(values.slice(-(values.length >> 2)))];
      return `| ${name} | ${title} | ${first.toFixed(1)} | ${last.toFixed(1)} | ${Math.max(...values).toFixed(1)} |`;
    })
  );
  const plots = QUANTITIES.map(([quantity, title]) => {
    const series = kills.map(({ name }, hop) => ({
      name,
      points: samples.map(({ atMs, hops }) => [(atMs - startMs) / 60_000, hops[hop][quantity]] as const)
        .filter(([, value]) => value > 0),
    }));
    const file = `images/soak_${quantity}.svg`;
    const options = { title, x: "minutes", y: title, isLogarithmic: false };
    Deno.writeTextFileSync(new URL(`../../docs/${file}`, import.meta.url), linePlot(series, options));
    return `![${title}](${file})`;
  });
  return `# Soak

${minutes} minutes of ${rate} records per second from Kafka through Sluice to Redis, and through another Sluice back to Kafka, while
both were killed (SIGKILL) at random, ${
    kills.map(({ name, kills }) => `${name} ${kills} times`).join(", ")
  } (seed ${seed}). \`deno task soak\` runs it again and writes this page.

**${put} records: ${problems.length === 0 ? "each is there once, in order per key" : problems.join("; ")}.**

| process | quantity | first quarter, median | last quarter, median | highest |
| ------- | -------- | --------------------- | -------------------- | ------- |
${rows.join("\n")}

${plots.join("\n\n")}

Sampled every ten seconds on ${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}, brokers on the same machine. Journals are
pruned once a minute (\`sluice journal prune --keep-feeds\`); SQLite keeps the space for what comes next.
`;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
