/** The outputs of a feed as a stream takes them: key, value, and the id that tells a repeat. */

import type { PackedOutputs } from "../../engine/output.ts";
import { ExtraReader } from "../../formats/extra_reader.ts";
import { type Commit, SinkError } from "../sink.ts";

/** One output. */
export interface StreamOutput {
  readonly key: string;
  readonly keyBytes: Uint8Array;
  readonly value: Uint8Array;
  readonly id: OutputId;
}

/** Tells a repeat: feed, number within the feed and output name, and whose it is (`originOf`). */
export interface OutputId {
  readonly seq: number;
  readonly index: number;
  readonly origin: Uint8Array;
}

/** What a stream takes. */
export interface OutputLimits {
  readonly recordBytesMax: number;
  readonly hasIds: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** What an id and its record in an aggregate take besides key, value and origin, at most. */
const AGGREGATE_OVERHEAD = 128;
const KEY_UNITS_MAX = 256;

/**
 * The outputs of `commit`, in order. All are looked at before any is written.
 *
 * An output without a key has one by its number, which spreads them, and is the same when the feed is run again.
 *
 * @throws {SinkError} for what a stream cannot hold
 */
export function outputsOf(commit: Commit, limits: OutputLimits): readonly StreamOutput[] {
  const { outputs, outputNames, seq } = commit;
  const { count, keys, values, keyLengths, valueLengths, names } = outputs;
  const origins = outputNames.map((name) => encoder.encode(originOf(commit, name)));
  const indexes = outputNames.map(() => 0);
  const found: StreamOutput[] = [];
  const keyTexts = decoder.decode(keys);
  // Then a code unit is a byte, and keys can be cut out of the text.
  const arePlain = keyTexts.length === keys.length;
  refuseExtras(commit, outputs);
  let [keyAt, valueAt] = [0, 0];
  for (let i = 0; i < count; i++) {
    const [keyLength, valueLength, name] = [keyLengths[i], valueLengths[i], names[i]];
    if (valueLength < 0) throw refuse(commit, i, "its value is null, a stream has no tombstones", "E_NO_TOMBSTONES");
    const given = keyLength > 0 ? keys.subarray(keyAt, keyAt + keyLength) : undefined;
    const index = indexes[name]++;
    const key = !given
      ? `${seq}-${index}`
      : arePlain
      ? keyTexts.slice(keyAt, keyAt + keyLength)
      : decoder.decode(given);
    if (key.length > KEY_UNITS_MAX) {
      throw refuse(
        commit,
        i,
        `its key has ${key.length} characters, a stream takes ${KEY_UNITS_MAX}`,
        "E_KEY_TOO_LONG",
      );
    }
    const output = {
      key,
      keyBytes: given ?? encoder.encode(key),
      value: values.subarray(valueAt, valueAt + valueLength),
      id: { seq, index, origin: origins[name] },
    };
    refuseTooLarge(commit, i, output, limits);
    found.push(output);
    keyAt += Math.max(keyLength, 0);
    valueAt += valueLength + 1;
  }
  return found;
}

/**
 * Whose outputs they are: `RUN/TASK/OUTPUT`. Within an origin, (feed, number) rises with every output and never comes again
 * for another one; a run that begins anew under the same name has another origin.
 */
function originOf({ run, task }: Commit, output: string): string {
  return `${run}/${task}/${output}`;
}

function refuseTooLarge(commit: Commit, index: number, output: StreamOutput, limits: OutputLimits): void {
  const { keyBytes, value, id } = output;
  // An aggregate has its first key as its own as well.
  const size = value.length + keyBytes.length +
    (limits.hasIds ? keyBytes.length + id.origin.length + AGGREGATE_OVERHEAD : 0);
  if (size <= limits.recordBytesMax) return;
  const reason = `it takes ${size} bytes with its key${limits.hasIds ? " and its id" : ""}, the stream takes ` +
    `${limits.recordBytesMax} in a record; emit less, or raise the stream's limit and say so with ?recordBytesMax=`;
  throw refuse(commit, index, reason, "E_RECORD_TOO_LARGE");
}

function refuseExtras(commit: Commit, { extras }: PackedOutputs): void {
  if (!extras) return;
  const [row] = extras.rows;
  const { headers } = new ExtraReader(extras).at(row)!;
  const what = headers === undefined ? "it names a partition, its key decides in a stream" : "streams have no headers";
  throw refuse(commit, row, what, headers === undefined ? "E_NO_PARTITION" : "E_NO_HEADERS");
}

function refuse({ task, seq }: Commit, output: number, reason: string, code: string): SinkError {
  return new SinkError(`Cannot write output ${output} of feed ${seq}, task ${task}, to Kinesis: ${reason}`, {
    code,
    task,
    seq,
  });
}
