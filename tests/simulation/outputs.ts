/** Where the outputs of a world's run go: all to one system, or some of them to another one. */

import type { Sink } from "../../adapters/sink.ts";
import type { Place, SeenOutput } from "./place.ts";

/** See the module; by the name of the processor's output. */
export class Outputs {
  readonly #places: ReadonlyMap<string, Place>;

  constructor(places: Readonly<Record<string, Place>>) {
    this.#places = new Map(Object.entries(places));
  }

  get places(): readonly Place[] {
    return [...this.#places.values()];
  }

  /** Opens a sink for each output. `owner` tells the machine from every other. */
  async openSinks(owner: string): Promise<Readonly<Record<string, Sink>>> {
    const sinks: Record<string, Sink> = {};
    for (const [name, place] of this.#places) sinks[name] = await place.openSink(owner, name);
    return sinks;
  }

  /** What is there for readers now, in order of writing per output and key. */
  seen(): readonly SeenOutput[] {
    return [...this.#places].flatMap(([name, place]) =>
      place.outputs().map(({ key, value }) => ({ key: `${name}/${key}`, value }))
    );
  }

  /** See {@linkcode Place.isSettled}. */
  get areSettled(): boolean {
    return this.places.every((place) => place.isSettled());
  }

  /** See {@linkcode Place.lostAtMs}. */
  get lostAtMs(): number {
    return Math.max(...this.places.map(({ lostAtMs = -Infinity }) => lostAtMs));
  }

  /** See {@linkcode Place.hasLostAll}. */
  get haveLostAll(): boolean {
    return this.places.some((place) => place.hasLostAll());
  }
}
