/** Colours, where a person looks and did not say no (NO_COLOR). */

/** Marks text; gives it back as it is where nobody sees colours. */
export interface Colours {
  red(text: string): string;
  green(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
}

/** The colours of standard error. */
export function messageColours(): Colours {
  const isOn = Deno.stderr.isTerminal() && !Deno.noColor;
  const mark = (code: number) => (text: string): string => isOn ? `\x1b[${code}m${text}\x1b[0m` : text;
  return { red: mark(31), green: mark(32), dim: mark(2), bold: mark(1) };
}
