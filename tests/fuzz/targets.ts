/** Every decoder of what comes from outside, with inputs that are right. */

import { createHash } from "node:crypto";
import { BatchEncoder } from "../../adapters/kafka/protocol/batch_encoder.ts";
import { CODECS } from "../../adapters/kafka/protocol/compression.ts";
import { crc32c } from "../../adapters/kafka/protocol/crc32c.ts";
import { decodeFetch } from "../../adapters/kafka/protocol/fetch.ts";
import { decodeProduce } from "../../adapters/kafka/protocol/produce.ts";
import { encodeHeaders } from "../../adapters/kafka/protocol/record_headers.ts";
import { decodeRecordSet } from "../../adapters/kafka/protocol/record_set.ts";
import { viewOf } from "../../adapters/kafka/protocol/view.ts";
import { Reader, Writer } from "../../adapters/kafka/protocol/wire.ts";
import { readAggregate } from "../../adapters/kinesis/aggregated.ts";
import { packPage } from "../../adapters/kinesis/packed_pages.ts";
import { readEntries } from "../../adapters/redis/protocol/entries.ts";
import { encodeCommands, type Reply, ReplyReader, ReplyScanner } from "../../adapters/redis/protocol/resp.ts";
import { packRecords } from "../../adapters/memory/source.ts";
import { headersFromJson } from "../../engine/headers.ts";
import { avro } from "../../formats/avro/codec.ts";
import { columnsOf, findRows, rowsAsJson } from "../../formats/csv.ts";
import { csv } from "../../formats/csv_row.ts";
import { batchOfLines, findLines } from "../../formats/lines.ts";
import { msgpack } from "../../formats/msgpack.ts";
import { packBatch, unpackBatch } from "../../formats/packed_batch.ts";
import { payloadAt } from "../../formats/record_payload.ts";
import type { Batch } from "../../engine/batch.ts";
import { aggregate } from "../support/kinesis.ts";
import type { Target } from "./target.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Few words for any number. */
function some(count: number): string {
  return count === 0 ? "none" : count < 4 ? String(count) : "many";
}

/** Looks at every record: what cannot be looked at is found here, not by a processor. */
function lookAt(batch: Batch): string {
  let nulls = 0;
  for (let row = 0; row < batch.count; row++) {
    const { key, value } = payloadAt(batch, row);
    nulls += (key === null ? 1 : 0) + (value === null ? 1 : 0);
  }
  return `${some(batch.count)} records, ${some(nulls)} nulls`;
}

function text(...lines: readonly string[]): Uint8Array {
  return encoder.encode(lines.join("\n"));
}

function recordBatch(codec: typeof CODECS[number], producer = -1n, isTransactional = false): Uint8Array {
  const batch = new BatchEncoder("t", 0, 200);
  const headers = encodeHeaders([{ name: "a", value: encoder.encode("1") }, { name: "b", value: null }]);
  for (const [key, value] of [["k", "v"], [null, "w"], ["x", null]] as const) {
    const keyBytes = encoder.encode(key ?? "");
    const valueBytes = encoder.encode(value ?? "");
    const lengths = [key === null ? -1 : keyBytes.length, value === null ? -1 : valueBytes.length] as const;
    batch.add(1_700_000_000_000, viewOf(keyBytes), 0, lengths[0], viewOf(valueBytes), 0, lengths[1], headers);
  }
  batch.compress(codec);
  return batch.seal({ producerId: producer, epoch: 0 }, 0, { isTransactional }).slice();
}

const recordSets: Target = {
  name: "kafka record set",
  samples: [
    ...CODECS.map((codec) => recordBatch(codec)),
    Uint8Array.from([...recordBatch("none", 7n, true), ...recordBatch("none", 8n)]),
  ],
  decode: (bytes) =>
    lookAt(decodeRecordSet({
      stream: "t",
      partition: "0",
      bytes,
      position: 0n,
      aborted: [{ producerId: 7n, firstOffset: 0n }],
    })),
  refusals: /^WireError: /,
  repair(input) {
    const view = viewOf(input);
    for (let at = 0; at + 61 <= input.length;) {
      const end = at + 12 + view.getInt32(at + 8);
      if (end <= at + 61 || end > input.length) break;
      view.setUint32(at + 17, crc32c(view, at + 21, end));
      at = end;
    }
    return input;
  },
};

function fetchAnswer(): Uint8Array {
  const set = recordBatch("none");
  const answer = new Writer().int32(0).int16(0).int32(0);
  answer.array(["t"], (topic) => {
    answer.string(topic).array([0], (partition) => {
      answer.int32(partition).int16(0).int64(3n).int64(3n).int64(0n);
      answer.array([7n], (producer) => answer.int64(producer).int64(0n)).int32(-1).int32(set.length).raw(set);
    });
  });
  return answer.written;
}

const fetchAnswers: Target = {
  name: "kafka fetch answer",
  samples: [fetchAnswer()],
  decode: (bytes) => {
    const found = decodeFetch(new Reader(bytes), [{ topic: "t", partition: 0, position: 0n }]);
    return found.map(({ recordSet, aborted }) => `${some(recordSet.length)} bytes, ${some(aborted.length)} aborted`)
      .join();
  },
  refusals: /^(WireError|KafkaError): /,
};

function produceAnswer(): Uint8Array {
  const answer = new Writer();
  answer.compactArray(["t"], (topic) => {
    answer.compactString(topic).compactArray([0], (partition) => {
      answer.int32(partition).int16(0).raw(new Uint8Array(24));
      answer.compactArray([1], (index) => answer.int32(index).compactString("bad").noTags()).compactString(null)
        .noTags();
    }).noTags();
  });
  return answer.int32(0).noTags().written;
}

const produceAnswers: Target = {
  name: "kafka produce answer",
  samples: [produceAnswer()],
  decode: (bytes) => `${some(decodeProduce(new Reader(bytes), true).length)} outcomes`,
  refusals: /^WireError: /,
};

function depth(reply: Reply): number {
  return Array.isArray(reply) ? 1 + Math.max(0, ...reply.map(depth)) : 0;
}

const replies: Target = {
  name: "redis reply",
  samples: [
    encodeCommands([["XADD", "k", "*", "v", "1"]]),
    text("+OK\r", ":12\r", "$3\r", "a\rb\r", "*2\r", "_\r", "#t\r", ""),
    text("%2\r", "+a\r", ":1\r", "+b\r", "*1\r", ",1.5\r", ""),
    text("~1\r", "(12345678901234567890\r", "=7\r", "txt:abc\r", "-ERR no\r", "!7\r", "ERR abc\r", ""),
    text("|1\r", "+a\r", "+b\r", "*1\r", ":1\r", ""),
  ],
  decode(bytes) {
    const scanner = new ReplyScanner(1);
    if (!scanner.scan(bytes, bytes.length)) return "too little";
    const reply = new ReplyReader(bytes.slice(0, scanner.at)).next();
    return `${typeof reply} of depth ${some(depth(reply))}`;
  },
  refusals: /^ReplyError: /,
};

const entries: Target = {
  name: "redis entries",
  samples: [
    text("*2\r", "*2\r", "$3\r", "1-1\r", "*4\r", "$1\r", "v\r", "$1\r", "1\r", "$1\r", "k\r", "$1\r", "a\r", "*2\r")
      .slice(0, -2),
    text("*1\r", "*2\r", "$15\r", "1700000000000-5\r", "*2\r", "$1\r", "v\r", "$0\r", "\r", ""),
    text("*0\r", ""),
  ],
  decode(bytes) {
    const scanner = new ReplyScanner(1);
    if (!scanner.scan(bytes, bytes.length)) return "too little";
    const whole = bytes.slice(0, scanner.at);
    return `${some(readEntries(whole, new ReplyReader(whole), { value: "v", key: "k" }).count)} entries`;
  },
  refusals: /^(ReplyError|RedisError|SyntaxError|RangeError: Cannot read the id)/,
};

const aggregates: Target = {
  name: "kinesis aggregate",
  samples: [
    aggregate([{ key: "a", value: text("one") }, { key: "b", value: text("two") }, { key: "a", value: text("") }]),
  ],
  decode: (bytes) => {
    const found = readAggregate(bytes);
    return found ? `${some(found.records.length)} records` : "no aggregate";
  },
  refusals: /^BrokenAggregate: /,
  repair(input) {
    const digest = createHash("md5").update(input.subarray(4, -16)).digest();
    if (input.length > 20) input.set(digest, input.length - 16);
    return input;
  },
};

const pages: Target = {
  name: "kinesis page",
  samples: [text(JSON.stringify({
    Records: [{
      Data: btoa("one"),
      PartitionKey: "k",
      SequenceNumber: "49590338271490256608559692538361571095921575989136588898",
      ApproximateArrivalTimestamp: 1_750_000_000.123,
    }],
    NextShardIterator: "next",
    MillisBehindLatest: 0,
  }))],
  decode: (bytes) => {
    const { batch, nextIterator } = packPage(bytes);
    return `${some(batch.count)} records, ${nextIterator === undefined ? "the last" : "more"}`;
  },
  refusals: /^(BrokenPage|BrokenAggregate): /,
};

const ORIGIN = { stream: "f", partition: "0" };

const lines: Target = {
  name: "lines",
  samples: [text("1", "", '{"a":1}\r', "ü", ""), text("no end")],
  decode: (bytes) => {
    const chunk = { bytes, position: 0n };
    const found = findLines(chunk, 100, true);
    return lookAt(batchOfLines(chunk, found, ORIGIN));
  },
  refusals: /^never/,
};

const csvFiles: Target = {
  name: "csv file",
  samples: [text('1,"a ""b"" c"', "2,", '3,"two', 'lines"', "")],
  decode: (bytes) => {
    const chunk = { bytes, position: 0n };
    const rows = findRows(chunk, 100, true);
    return `${lookAt(rowsAsJson(batchOfLines(chunk, rows, ORIGIN), ["id", "note"]))}`;
  },
  refusals: /^never/,
};

const csvHeaders: Target = {
  name: "csv header",
  samples: [text('id,"the note",x')],
  decode: (bytes) => `${some(columnsOf(bytes).length)} columns`,
  refusals: /^(CsvError|Error): /,
};

const ROW = csv({ columns: ["a", "b"], delimiter: ";", escape: "\\", absent: "NULL" });

const csvRows: Target = {
  name: "csv row",
  samples: [text('1;"a \\" b"'), text("NULL;x")],
  decode: (bytes) => {
    const value = ROW.decode(decoder.decode(bytes)) as Readonly<Record<string, string | null>>;
    const again = ROW.decode(ROW.encode(value));
    if (JSON.stringify(again) !== JSON.stringify(value)) throw new Error("what was read is written as something else");
    return Object.values(value).map((field) => typeof field).join();
  },
  refusals: /^TypeError: (the row has|quotes are|behind the quotes)/,
};

const SCHEMA = {
  type: "record",
  name: "R",
  fields: [
    { name: "id", type: "long" },
    { name: "tags", type: { type: "array", items: "string" } },
    { name: "more", type: { type: "map", values: ["null", "double", "R"] } },
    { name: "kind", type: { type: "enum", name: "E", symbols: ["A", "B"] } },
    { name: "raw", type: { type: "fixed", name: "F", size: 3 } },
  ],
} as const;
const AVRO = avro<unknown>(SCHEMA);
const AVRO_VALUE = { id: 5, tags: ["a", "ü"], more: { n: null, d: 1.5 }, kind: "B", raw: Uint8Array.of(1, 2, 3) };

const avroValues: Target = {
  name: "avro value",
  samples: [AVRO.encode(AVRO_VALUE) as Uint8Array],
  decode: (bytes) => {
    const value = AVRO.decode(bytes) as { readonly tags: readonly string[] };
    return `${some(value.tags.length)} tags`;
  },
  refusals: /^(TypeError|RangeError|AvroError): (?!Cannot (read|set) prop|.* is not (a function|iterable))/,
};

const MESSAGES = msgpack<unknown>({ bigints: true });

const messages: Target = {
  name: "msgpack value",
  samples: [MESSAGES.encode({ a: [1, -1, 2n ** 40n, 1.5, null, true, "ü"], b: Uint8Array.of(1, 2) }) as Uint8Array],
  decode: (bytes) => typeof MESSAGES.decode(bytes),
  refusals: /^(DecodeError|RangeError|TypeError): /,
};

const packed: Target = {
  name: "captured inputs",
  samples: [packBatch(packRecords("s", "0", [
    { value: "1", offset: 0n },
    { value: null, key: "k", headers: [["h", "x"]], offset: 1n },
  ]))],
  decode: (bytes) => lookAt(unpackBatch(bytes)),
  refusals: /^(RangeError: Cannot unpack batch|SyntaxError)/,
};

const headers: Target = {
  name: "headers",
  samples: [text('[["a","x"],["b",null],["c",{"base64":"AQI="}]]')],
  decode: (bytes) => `${some(headersFromJson(decoder.decode(bytes)).length)} headers`,
  refusals: /^(SyntaxError|TypeError|RangeError): /,
};

/** Those that take nothing but bytes. */
export const BYTE_TARGETS: readonly Target[] = [
  recordSets,
  fetchAnswers,
  produceAnswers,
  replies,
  entries,
  aggregates,
  pages,
  lines,
  csvFiles,
  csvHeaders,
  csvRows,
  avroValues,
  messages,
  packed,
  headers,
];
