/**
 * The kernel: turns a bare realm into one in which nothing depends on the machine, the hour or luck.
 *
 * It is evaluated before the processor's modules, so that these see the world they will run in. While they are being
 * evaluated, time stands still at the run's start and chance is keyed by the run: many libraries read both then.
 */

import { Random } from "../../../engine/random.ts";
import { installAbort } from "./abort.ts";
import { installChance } from "./chance.ts";
import { installClock } from "./clock.ts";
import { installConsole } from "./console.ts";
import { installErrors } from "./errors.ts";
import { freezeIntrinsics } from "./freeze.ts";
import { ambient } from "./intrinsics.ts";
import { installLocale } from "./locale.ts";
import { installMicrotasks } from "./microtasks.ts";
import { explainMissing, installRemoved } from "./removed.ts";
import { installWeb } from "./web.ts";

/** The global under which host and realm find each other; the processor has no business there. */
export const DOOR = "__sluice";

/** What stands for time and chance while modules are evaluated. */
export interface Initial {
  readonly timeMs: number;
  readonly seed: number;
}

// Whoever made the realm left it there for older bundles.
Reflect.deleteProperty(globalThis, DOOR);

installClock();
installLocale();
installChance();
installMicrotasks();
installConsole();
installErrors();
installWeb();
installAbort();
installRemoved();
freezeIntrinsics();
ambient.explain = explainMissing;

/** Time and chance of modules that are about to be evaluated. */
export function holdStill({ timeMs, seed }: Initial): void {
  const random = new Random();
  random.seed(seed, 0x696e6974, 0, 0);
  ambient.isActive = true;
  ambient.nowMs = timeMs;
  ambient.random = () => random;
}
