/** Streams to measure with. */

import { RedisWriter } from "../../adapters/redis/writer.ts";
import { packOutputs } from "../../formats/unpacked_outputs.ts";

const RECORD_BYTES = 100;
const CUSTOMERS = 1000;
const CHUNK = 10_000;

/** The servers at `host:port`. */
export function serversAt(address: string) {
  const [host, port] = address.split(":");
  return { endpoints: [{ host, port: Number(port) }] };
}

/** Fills a stream with orders of 100 bytes of JSON; their customers are the keys. */
export async function writeOrders(address: string, stream: string, records: number): Promise<void> {
  const target = { kind: "stream", key: stream, fields: { value: "v", key: "k" } } as const;
  const writer = await RedisWriter.open(serversAt(address), target);
  for (let from = 0; from < records; from += CHUNK) {
    const count = Math.min(CHUNK, records - from);
    await writer.write(packOutputs(Array.from({ length: count }, (_, i) => orderOf(from + i))));
  }
  writer.close();
}

function orderOf(i: number) {
  const customer = `customer-${String(i * 7919 % CUSTOMERS).padStart(7, "0")}`;
  const id = String(i).padStart(8, "0");
  const start = `{"id":"order-${id}","customer":"${customer}","cents":${i * 31 % 10_000},"note":"`;
  const value = `${start}${"x".repeat(Math.max(0, RECORD_BYTES - start.length - 2))}"}`;
  return { name: 0, key: customer, value, timeMs: Date.now() };
}
