/** `Intl` and the methods that use it: one locale and one time zone, and logical time where none is given. */

import { type AnyFunction, LOCALE, nowMs, replaceConstructor, setMethod, TIME_ZONE } from "./intrinsics.ts";

/** Pins the defaults of everything that depends on the machine's locale. */
export function installLocale(): void {
  giveFormattersTheTime();
  pinConstructors();
  pinMethods();
}

function giveFormattersTheTime(): void {
  const prototype = Intl.DateTimeFormat.prototype;
  const realFormat = Object.getOwnPropertyDescriptor(prototype, "format")!.get!;
  Object.defineProperty(prototype, "format", {
    configurable: true,
    get(): AnyFunction {
      const format = Reflect.apply(realFormat, this, []) as (date: unknown) => string;
      return (date?: unknown) => format(date ?? nowMs("Intl.DateTimeFormat.format()"));
    },
  });
  const realParts = prototype.formatToParts;
  const { formatToParts } = {
    formatToParts(this: Intl.DateTimeFormat, date?: Date | number): Intl.DateTimeFormatPart[] {
      return Reflect.apply(realParts, this, [date ?? nowMs("Intl.DateTimeFormat.formatToParts()")]);
    },
  };
  setMethod(prototype, "formatToParts", formatToParts);
}

function pinConstructors(): void {
  for (const name of Object.getOwnPropertyNames(Intl)) {
    const Original = (Intl as unknown as Record<string, AnyFunction & { supportedLocalesOf?: unknown }>)[name];
    if (typeof Original !== "function" || !Original.supportedLocalesOf) continue;
    const Pinned = function (locales: unknown, options: { timeZone?: string } | undefined): unknown {
      const pinned = name === "DateTimeFormat" ? { ...options, timeZone: options?.timeZone ?? TIME_ZONE } : options;
      const target = new.target === undefined || new.target === Pinned ? Original : new.target;
      return Reflect.construct(Original, [locales ?? LOCALE, pinned], target);
    };
    setMethod(Pinned, "supportedLocalesOf", Original.supportedLocalesOf);
    replaceConstructor(Intl, name, Original, Pinned as AnyFunction);
  }
}

function pinMethods(): void {
  for (const name of ["toLocaleString", "toLocaleDateString", "toLocaleTimeString"]) pinDateMethod(name);
  const typedArray = Object.getPrototypeOf(Uint8Array.prototype);
  for (const prototype of [Number.prototype, BigInt.prototype, Array.prototype, typedArray]) {
    pinLocale(prototype, "toLocaleString", 0);
  }
  pinLocale(String.prototype, "localeCompare", 1);
  pinLocale(String.prototype, "toLocaleUpperCase", 0);
  pinLocale(String.prototype, "toLocaleLowerCase", 0);
}

function pinLocale(prototype: object, name: string, position: number): void {
  const original = (prototype as Record<string, AnyFunction>)[name];
  const { [name]: pinned } = {
    [name](this: unknown, ...args: unknown[]): unknown {
      if (args[position] === undefined) args[position] = LOCALE;
      return Reflect.apply(original, this, args);
    },
  };
  setMethod(prototype, name, pinned);
}

function pinDateMethod(name: string): void {
  const original = (Date.prototype as unknown as Record<string, AnyFunction>)[name];
  const { [name]: pinned } = {
    [name](this: unknown, locales?: unknown, options?: { timeZone?: string }): unknown {
      return Reflect.apply(original, this, [locales ?? LOCALE, {
        ...options,
        timeZone: options?.timeZone ?? TIME_ZONE,
      }]);
    },
  };
  setMethod(Date.prototype, name, pinned);
}
