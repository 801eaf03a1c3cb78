/** What the CLI prints: data to stdout, messages to stderr. */

const encoder = new TextEncoder();

/** Writes a line of data; a closed pipe ends the program quietly, as `head` expects. */
export function printData(text: string): void {
  writeAll(Deno.stdout, `${text}\n`);
}

/** Writes data as it is. */
export function printText(text: string): void {
  writeAll(Deno.stdout, text);
}

/** Writes a message for people. */
export function printMessage(text: string): void {
  writeAll(Deno.stderr, `${text}\n`);
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(0);
    throw error;
  }
}
