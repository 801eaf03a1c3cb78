/**
 * The plain loop: what one does without Sluice. One script, no journal, no isolation, no sync.
 *
 * Reads in chunks, splits lines, parses, changes, stringifies, writes.
 */

const [mode, input, output] = Deno.args;
const totals = new Map<string, number>();

interface Order {
  customer: string;
  cents: number;
  euros?: number;
}

/** The same change as the processor of that name makes. */
const change: Readonly<Record<string, (order: Order) => unknown>> = {
  map(order) {
    order.euros = order.cents / 100;
    return order;
  },
  totals({ customer, cents }) {
    const total = (totals.get(customer) ?? 0) + cents;
    totals.set(customer, total);
    return { customer, cents: total };
  },
};

const apply = change[mode];
const source = Deno.openSync(input);
const sink = Deno.openSync(output, { write: true, create: true, truncate: true });
const buffer = new Uint8Array(1 << 20);
const decoder = new TextDecoder();
const encoder = new TextEncoder();
let rest = "";
for (let length = source.readSync(buffer); length !== null; length = source.readSync(buffer)) {
  const lines = (rest + decoder.decode(buffer.subarray(0, length), { stream: true })).split("\n");
  rest = lines.pop()!;
  let text = "";
  for (const line of lines) text += JSON.stringify(apply(JSON.parse(line))) + "\n";
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += sink.writeSync(bytes.subarray(at));
}
