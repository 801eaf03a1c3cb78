/** Pages as Kinesis answers them. */

/** Records of a page: as many as there can be. */
export const PAGE_RECORDS = 10_000;
/** Bytes of a record's value. */
export const VALUE_BYTES = 100;

/** The JSON of page `index`; the next iterator is the next index, or the same at the end. */
export function pageOf(index: number, hasMore: boolean): string {
  const Records = Array.from({ length: PAGE_RECORDS }, (_, i) => {
    const n = index * PAGE_RECORDS + i;
    return {
      SequenceNumber: String(49590338271490256608559692538361571095921575989136588898n + BigInt(n)),
      ApproximateArrivalTimestamp: 1_790_000_000 + n / 1000,
      Data: btoa(valueOf(n)),
      PartitionKey: `key-${n % 1000}`,
    };
  });
  const next = hasMore ? index + 1 : index;
  return JSON.stringify({ Records, NextShardIterator: String(next), MillisBehindLatest: hasMore ? 1000 : 0 });
}

/** A JSON object of `VALUE_BYTES`. */
export function valueOf(n: number): string {
  const start = `{"n":${n},"cents":${n % 1000},"pad":"`;
  return start + "x".repeat(VALUE_BYTES - start.length - 2) + '"}';
}
