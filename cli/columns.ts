/** Rows of text as columns that line up. */

const GAP = "  ";

/** The lines of `rows` under `names`; numbers are set to the right. */
export function columns(names: readonly string[], rows: readonly (readonly (string | number | bigint)[])[]): string {
  const texts = [names, ...rows].map((row) => row.map(String));
  const widths = names.map((_name, i) => Math.max(...texts.map((row) => row[i].length)));
  const isNumber = names.map((_name, i) => rows.every((row) => typeof row[i] !== "string" || row[i] === "?"));
  return texts.map((row) =>
    row.map((text, i) => isNumber[i] && rows.length > 0 ? text.padStart(widths[i]) : text.padEnd(widths[i])).join(GAP)
      .trimEnd()
  ).join("\n");
}
