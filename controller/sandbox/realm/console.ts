/** `console`: log lines that are bound to the record under way. Without a record they go nowhere. */

import type { LogLevel } from "../../../engine/ambient.ts";
import { ambient } from "./intrinsics.ts";

const LEVELS: Readonly<Record<string, LogLevel>> = {
  log: "info",
  info: "info",
  dir: "info",
  table: "info",
  group: "info",
  groupCollapsed: "info",
  count: "info",
  debug: "debug",
  trace: "debug",
  warn: "warn",
  error: "error",
};

/** Timing and profiling methods have nothing deterministic to say. */
const SILENT = ["time", "timeEnd", "timeLog", "timeStamp", "profile", "profileEnd", "groupEnd", "clear", "countReset"];

/** Gives the realm its `console`. */
export function installConsole(): void {
  const methods: Record<string, unknown> = {};
  for (const [name, level] of Object.entries(LEVELS)) {
    methods[name] = (...args: unknown[]): void => logLine(level, args.map(show).join(" "));
  }
  for (const name of SILENT) methods[name] = (): void => {};
  methods.assert = (condition: unknown, ...args: unknown[]): void => {
    if (!condition) logLine("error", ["Assertion failed", ...args.map(show)].join(" "));
  };
  Object.defineProperty(globalThis, "console", { value: Object.freeze(methods), enumerable: false });
}

function logLine(level: LogLevel, text: string): void {
  if (ambient.isActive) ambient.log(level, text);
}

function show(value: unknown): string {
  try {
    if (typeof value === "string") return value;
    if (value instanceof Error) return String(value.stack);
    return JSON.stringify(value) ?? String(value);
  } catch {
    return "[cannot be shown]";
  }
}
