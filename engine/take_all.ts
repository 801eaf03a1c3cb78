/**
 * Emptying a list that is filled again and again.
 *
 * A fresh list in its place would cost more than it seems: V8 moves what has lived for a while among its old objects, also
 * an empty list that waits for its next feed. Filled then and dropped, a dead old object keeps all that it held alive until
 * the whole heap is searched; with many tasks, that was every feed's text (bench/kafka, 64 partitions).
 */

/** Takes everything out of `list`, which stays what it is: the same object, empty. */
export function takeAll<Item>(list: Item[]): Item[] {
  return list.splice(0);
}
