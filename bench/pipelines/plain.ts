/**
 * The plain loops: what one writes without Sluice. One script, no journal, no isolation, no sync, and nothing out of order.
 */

const [mode, output, ...inputs] = Deno.args;
const MINUTE_MS = 60_000;
const decoder = new TextDecoder();
const encoder = new TextEncoder();
const sink = Deno.openSync(output, { write: true, create: true, truncate: true });
let text = "";

function emit(value: unknown): void {
  text += JSON.stringify(value) + "\n";
  if (text.length < 1 << 20) return;
  flush();
}

function flush(): void {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += sink.writeSync(bytes.subarray(at));
  text = "";
}

function* lines(path: string): Generator<readonly string[]> {
  const source = Deno.openSync(path);
  const buffer = new Uint8Array(1 << 20);
  let rest = "";
  for (let length = source.readSync(buffer); length !== null; length = source.readSync(buffer)) {
    const found = (rest + decoder.decode(buffer.subarray(0, length), { stream: true })).split("\n");
    rest = found.pop()!;
    yield found;
  }
}

interface Click {
  readonly user: string;
  readonly at: number;
}

/** One Map, emptied at the end of each minute. */
function tumbling(): void {
  const counts = new Map<string, number>();
  let startMs = -1;
  const close = () => {
    for (const [key, clicks] of counts) emit({ key, startMs, endMs: startMs + MINUTE_MS, clicks });
    counts.clear();
  };
  for (const chunk of lines(inputs[0])) {
    for (const line of chunk) {
      const { user, at } = JSON.parse(line) as Click;
      if (at >= startMs + MINUTE_MS || startMs < 0) {
        close();
        startMs = Math.floor(at / MINUTE_MS) * MINUTE_MS;
      }
      counts.set(user, (counts.get(user) ?? 0) + 1);
    }
  }
  close();
}

interface Side {
  readonly id: string;
  readonly at: number;
}

/** Two Maps; both files are read in turn, line by line, as they were written in one order of time. */
function join(): void {
  const WITHIN_MS = 5000;
  const [left, right] = [new Map<string, Side[]>(), new Map<string, Side[]>()];
  const take = (own: Map<string, Side[]>, other: Map<string, Side[]>, line: string, isLeft: boolean) => {
    const side = JSON.parse(line) as Side;
    const known = own.get(side.id);
    if (known) known.push(side);
    else own.set(side.id, [side]);
    for (const each of other.get(side.id) ?? []) {
      if (Math.abs(each.at - side.at) > WITHIN_MS) continue;
      emit(isLeft ? { order: side, payment: each } : { order: each, payment: side });
    }
  };
  const [lefts, rights] = inputs.map((path) => lines(path));
  for (;;) {
    const [a, b] = [lefts, rights].map((side) => side.next().value ?? []);
    if (a.length === 0 && b.length === 0) return;
    for (let i = 0; i < Math.max(a.length, b.length); i++) {
      if (i < a.length) take(left, right, a[i], true);
      if (i < b.length) take(right, left, b[i], false);
    }
  }
}

const MODES: Readonly<Record<string, () => void>> = { tumbling, join };
MODES[mode]();
flush();
