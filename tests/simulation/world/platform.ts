/**
 * The platform as code in a world sees it: timers, clocks and chance are the world's. Outside of worlds everything is as
 * it was. Nothing in Sluice or in its clients knows of it: they call what they always call.
 */

import { currentMachine, type Machine, type Scheduled } from "./world.ts";

type Callback = (...args: readonly unknown[]) => void;

/** Node's and the web's timer in one. */
class Timer implements Scheduled {
  isCancelled = false;
  scheduled: Scheduled | undefined;

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  cancel(): void {
    this.isCancelled = true;
    if (this.scheduled) this.scheduled.isCancelled = true;
  }
}

const TIMER_LATE_MS_MAX = 0.5;
let isInstalled = false;

/** Takes the platform's place, once. */
export function installPlatform(): void {
  if (isInstalled) return;
  isInstalled = true;
  installTimers();
  installClocks();
  installChance();
}

function installTimers(): void {
  const { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate } = globalThis;
  const once = (machine: Machine, act: Callback, timeMs: number, args: readonly unknown[]): Timer => {
    const timer = new Timer();
    const lateMs = machine.world.chance.number() * TIMER_LATE_MS_MAX;
    timer.scheduled = machine.world.schedule(
      machine,
      Math.max(1, Number(timeMs)) + lateMs,
      "timer",
      () => act(...args),
    );
    return timer;
  };
  const again = (machine: Machine, act: Callback, timeMs: number, args: readonly unknown[]): Timer => {
    const timer = new Timer();
    const next = (): void => {
      timer.scheduled = machine.world.schedule(machine, Math.max(1, Number(timeMs)), "timer", () => {
        next();
        act(...args);
      });
    };
    next();
    return timer;
  };
  const clearing = (real: (timer: never) => void) => (timer: unknown): void => {
    if (timer instanceof Timer) timer.cancel();
    else real(timer as never);
  };
  const inWorld = (real: unknown, virtual: typeof once) => (act: Callback, timeMs = 0, ...args: unknown[]): unknown => {
    const machine = currentMachine();
    return machine ? virtual(machine, act, timeMs, args) : (real as Callback)(act, timeMs, ...args);
  };
  Object.assign(globalThis, {
    setTimeout: inWorld(setTimeout, once),
    setInterval: inWorld(setInterval, again),
    setImmediate: (act: Callback, ...args: unknown[]): unknown => {
      const machine = currentMachine();
      return machine ? once(machine, act, 0, args) : (setImmediate as unknown as Callback)(act, ...args);
    },
    clearTimeout: clearing(clearTimeout as (timer: never) => void),
    clearInterval: clearing(clearInterval as (timer: never) => void),
    clearImmediate: clearing(clearImmediate as (timer: never) => void),
  });
}

function installClocks(): void {
  const dateNow = Date.now;
  const performanceNow = performance.now.bind(performance);
  Date.now = () => currentMachine()?.wallMs ?? dateNow();
  performance.now = () => currentMachine()?.world.nowMs ?? performanceNow();
}

function installChance(): void {
  const mathRandom = Math.random;
  const randomUuid = crypto.randomUUID.bind(crypto);
  const getRandomValues = crypto.getRandomValues.bind(crypto);
  Math.random = () => currentMachine()?.world.chance.number() ?? mathRandom();
  crypto.randomUUID = () => (currentMachine()?.world.chance.uuid() ?? randomUuid()) as ReturnType<typeof randomUuid>;
  crypto.getRandomValues = <T extends ArrayBufferView | null>(array: T): T => {
    const machine = currentMachine();
    if (!machine || array === null) return getRandomValues(array as never);
    machine.world.chance.fill(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    return array;
  };
}
