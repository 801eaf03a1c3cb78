/** How values are shown. */

import { h, type VNode } from "preact";
import { useState } from "preact/hooks";
import htm from "htm";
import { timeText } from "../../../engine/time_text.ts";

/** Templates as elements. */
export const html: Template = (htm as unknown as { bind(create: typeof h): Template }).bind(h);

type Template = (strings: TemplateStringsArray, ...values: readonly unknown[]) => VNode;

const numbers = new Intl.NumberFormat("en-US");

/** A number with its thousands apart. */
export function count(value: number): string {
  return numbers.format(value);
}

/** `1 feed`, `2 feeds`. */
export function counted(value: number, thing: string): string {
  return `${count(value)} ${thing}${value === 1 ? "" : "s"}`;
}

/** A time in UTC, as commands take it. */
export function time(timeMs: number): string {
  return timeMs > 0 && timeMs < Infinity ? timeText(timeMs).replace("T", " ").slice(0, 23) : "–";
}

/** How far behind, in the unit that tells. */
export function lag(timeMs: number): string {
  const units = [["d", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1000]] as const;
  const [unit, width] = units.find(([, each]) => Math.abs(timeMs) >= each) ?? ["ms", 1];
  return `${(timeMs / width).toFixed(width === 1 ? 0 : 1)} ${unit}`;
}

/** JSON with line breaks, other text as it is. */
export function pretty(text: string): string {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" ? JSON.stringify(value, null, 2) : text;
  } catch {
    return text;
  }
}

/** A command, and a button that copies it. */
export function Command({ text }: { readonly text: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  return html`
    <div class="copy">
      <code>${text}</code>
      <button onClick=${copy} aria-label=${`Copy: ${text}`}>${isCopied ? "Copied" : "Copy"}</button>
    </div>
  `;
}

/** What went wrong, in the server's words. */
export function Failure({ error }: { readonly error: Error }) {
  return html`<div class="alert" role="alert">${error.message}</div>`;
}
