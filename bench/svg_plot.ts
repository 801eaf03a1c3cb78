/** Lines over an axis, as SVG: what figures in documents need, and nothing else. */

/** One line. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** What is shown. */
export interface PlotOptions {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  /** Whether both axes are logarithmic. */
  readonly isLogarithmic: boolean;
}

const SIZE = { width: 640, height: 320, left: 70, right: 130, top: 40, bottom: 50 };
const COLOURS = ["#0b6e99", "#c2571a", "#4b7a2b", "#7a3b8f"];
const TICKS = 5;

/** The plot as the text of an SVG file. */
export function linePlot(series: readonly Series[], { title, x, y, isLogarithmic }: PlotOptions): string {
  const xs = series.flatMap(({ points }) => points.map(([x]) => x));
  const ys = series.flatMap(({ points }) => points.map(([, y]) => y));
  const horizontal = scale(xs, isLogarithmic, [SIZE.left, SIZE.width - SIZE.right]);
  const vertical = scale(isLogarithmic ? ys : [0, ...ys], isLogarithmic, [SIZE.height - SIZE.bottom, SIZE.top]);
  const parts = [
    text(SIZE.left, 22, title, "start", "bold"),
    text((SIZE.left + SIZE.width - SIZE.right) / 2, SIZE.height - 12, x, "middle"),
    ...horizontal.ticks.map((at) => text(horizontal.place(at), SIZE.height - SIZE.bottom + 18, shown(at), "middle")),
    ...vertical.ticks.flatMap((at) => [
      `<line x1="${SIZE.left}" x2="${SIZE.width - SIZE.right}" y1="${vertical.place(at)}" y2="${
        vertical.place(at)
      }" stroke="#ddd"/>`,
      text(SIZE.left - 8, vertical.place(at) + 4, shown(at), "end"),
    ]),
    ...series.flatMap(({ name, points }, index) => {
      const colour = COLOURS[index % COLOURS.length];
      const path = points.map(([x, y]) => `${horizontal.place(x)},${vertical.place(y)}`).join(" ");
      return [
        `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${path}"/>`,
        `<text x="${SIZE.width - SIZE.right + 12}" y="${SIZE.top + 18 * index + 8}" fill="${colour}">${
          escaped(name)
        }</text>`,
      ];
    }),
  ];
  const label = escaped(`${title}: ${y} over ${x}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img" aria-label="${label}" ` +
    `font-family="system-ui, sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="#fff"/>\n${
      parts.join("\n")
    }\n</svg>\n`;
}

interface Scale {
  readonly ticks: readonly number[];
  place(value: number): number;
}

function scale(
  values: readonly number[],
  isLogarithmic: boolean,
  [from, to]: readonly [from: number, to: number],
): Scale {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const position = isLogarithmic ? Math.log10 : (value: number): number => value;
  const [first, last] = [position(low), position(high)];
  const span = last - first || 1;
  const ticks = isLogarithmic
    ? Array.from({ length: Math.floor(last) - Math.ceil(first) + 1 }, (_, i) => 10 ** (Math.ceil(first) + i))
    : steps(low, high);
  return { ticks, place: (value) => round(from + (position(value) - first) / span * (to - from)) };
}

function steps(low: number, high: number): readonly number[] {
  const raw = (high - low) / TICKS || 1;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((each) => each >= raw)!;
  const first = Math.ceil(low / step) * step;
  return Array.from({ length: Math.floor((high - first) / step) + 1 }, (_, i) => first + i * step);
}

function text(x: number, y: number, content: string, anchor: string, weight = "normal"): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" font-weight="${weight}" fill="#333">${
    escaped(content)
  }</text>`;
}

function shown(value: number): string {
  const units: readonly (readonly [size: number, unit: string])[] = [[1e6, " M"], [1e3, " k"]];
  const [size, unit] = units.find(([size]) => value >= size) ?? [1, ""];
  return `${Number((value / size).toPrecision(3))}${unit}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(content: string): string {
  return content.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}
