/** Where the input of a world's run comes from: all of it from one system, or some of its partitions from another one. */

import type { Source } from "../../adapters/source.ts";
import type { Place } from "./place.ts";
import type { Chance } from "./world/chance.ts";

/** See the module; by the name of the processor's input. */
export class Inputs {
  readonly #places: ReadonlyMap<string, Place>;

  constructor(places: Readonly<Record<string, Place>>) {
    this.#places = new Map(Object.entries(places));
  }

  get places(): readonly Place[] {
    return [...this.#places.values()];
  }

  /** See {@linkcode Place.write}: in turn, a piece of each. */
  *write(): Generator<void> {
    let left = this.places.map((place) => place.write());
    while (left.length > 0) {
      left = left.filter((writing) => !writing.next().done);
      if (left.length > 0) yield;
    }
  }

  /** Opens all inputs, which end where they end now, or go on; called as the machine that reads them. */
  async openSources(isBounded: boolean): Promise<ReadonlyMap<string, Source>> {
    const sources = new Map<string, Source>();
    for (const [name, place] of this.#places) sources.set(name, await place.openSource(isBounded));
    return sources;
  }

  /** See {@linkcode Place.trim}. */
  trim(chance: Chance): void {
    const { places } = this;
    (places.length === 1 ? places[0] : chance.pick(places)).trim();
  }
}
