/** Decoders of files: journals, cases, pipelines, settings. What cannot be read is refused with a sentence, nothing else. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSettings } from "../../adapters/kafka/connection_settings.ts";
import { readPipelines } from "../../cli/pipelines/pipeline_file.ts";
import { openCase } from "../../controller/cases/open_case.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { verifyJournal } from "../../controller/journal/verify.ts";
import type { Target } from "./target.ts";

const FOLDER = Deno.makeTempDirSync({ prefix: "sluice-fuzz-" });
globalThis.addEventListener("unload", () => Deno.removeSync(FOLDER, { recursive: true }));

const encoder = new TextEncoder();

function fileOf(name: string, bytes: Uint8Array): string {
  const path = join(FOLDER, name);
  Deno.writeFileSync(path, bytes);
  return path;
}

const PIPELINE = `name: shop
from:
  orders: { uri: "file:\${FOLDER:.}/orders.ndjson", time: at, lateness: 10s }
steps:
  - filter: cents > 0 && customer != "x"
  - dedupe: { by: id, ttl: 1h }
  - key: customer
  - window: { tumbling: 1m, aggregate: { orders: count, cents: { sum: cents } } }
to:
  totals: file:out.ndjson
`;

const OTHERS = `pipelines:
  - name: large
    from: file:orders.ndjson
    steps: [{ filter: cents > 500 }]
    to: file:large.ndjson
    run: { until-end: true }
  - name: small
    from: file:orders.ndjson
    steps: [{ filter: cents <= 500 }, { project: { id: customer, c: cents } }]
    to: file:small.ndjson
`;

const pipelines: Target = {
  name: "pipeline file",
  samples: [encoder.encode(PIPELINE), encoder.encode(OTHERS)],
  decode: (bytes) => `${readPipelines(fileOf("p.yaml", bytes), { FOLDER: "/data" }).length} pipelines`,
  refusals: /^(PipelineFileError|UsageError): /,
};

const settings: Target = {
  name: "kafka settings",
  samples: [encoder.encode("# a file\nsecurity.protocol=SASL_SSL\nsasl.mechanisms = PLAIN\nsasl.username=me\n")],
  decode: (bytes) => `${readSettings({}, fileOf("kafka.properties", bytes)).size > 0}`,
  refusals: /^KafkaLocationError: /,
};

const RECORDED = fileURLToPath(new URL("../replay/journals/v1_totals/journal.db", import.meta.url));

/** All that a start or a replay reads of a journal. */
function readAll(journal: SqliteJournal): string {
  let feeds = 0;
  for (const run of journal.runs()) {
    journal.events(run);
    for (const task of journal.tasks(run)) {
      const taskJournal = journal.task(task);
      taskJournal.epochs();
      taskJournal.progress();
      for (const _feed of taskJournal.feeds(0, Infinity)) feeds++;
      for (const _state of taskJournal.stateBefore(1)) feeds++;
    }
  }
  return `${feeds > 0}, ${verifyJournal(journal).problems.length > 0}`;
}

/** Journals as they are opened for two reasons. */
function journalTarget(name: string, open: (path: string) => SqliteJournal): Target {
  return {
    name,
    samples: [Deno.readFileSync(RECORDED)],
    decode(bytes) {
      const journal = open(fileOf("journal.db", bytes));
      try {
        return readAll(journal);
      } finally {
        journal.close();
      }
    },
    refusals: /^JournalError: Cannot /,
    isLarge: true,
  };
}

const journals = journalTarget("journal", (path) => SqliteJournal.openReader(path));
const cases = journalTarget("case", (path) => openCase(path).journal);

/** Those that read files. */
export const FILE_TARGETS: readonly Target[] = [pipelines, settings, journals, cases];
