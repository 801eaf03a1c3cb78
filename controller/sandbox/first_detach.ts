/**
 * The first buffer of an isolate that is detached under a `DataView`, or under two views, makes V8 drop all optimized code
 * that reads typed arrays and compile it anew, this time with a check. That is best done where there is no such code yet.
 */

/** Detaches a buffer under a view. */
export function detachFirst(): void {
  new DataView(new ArrayBuffer(8)).buffer.transfer(0);
}
