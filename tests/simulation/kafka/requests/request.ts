/** A request as a broker has it, and the fields that differ between flexible versions and those before (KIP-482). */

import { type Reader, Writer } from "../../../../adapters/kafka/protocol/wire.ts";
import type { SimulatedKafka } from "../simulated_kafka.ts";

/** See the module. */
export interface Request {
  readonly kafka: SimulatedKafka;
  /** The broker that was asked. */
  readonly node: number;
  readonly version: number;
  readonly isFlexible: boolean;
  /** At the first field behind the header. */
  readonly body: Reader;
}

/** Calls `answer` with the body of a response, now or later. */
export type Handler = (request: Request, answer: (response: Writer) => void) => void;

/** Fields in the way of one version. */
export class Fields {
  readonly #isFlexible: boolean;
  readonly writer = new Writer();

  constructor({ isFlexible }: Pick<Request, "isFlexible">) {
    this.#isFlexible = isFlexible;
  }

  string(text: string | null): this {
    if (this.#isFlexible) this.writer.compactString(text);
    else this.writer.string(text);
    return this;
  }

  array<Item>(items: readonly Item[], write: (item: Item, index: number) => void): this {
    if (this.#isFlexible) this.writer.unsignedVarint(items.length + 1);
    else this.writer.int32(items.length);
    items.forEach(write);
    return this;
  }

  /** Ends a structure. */
  end(): this {
    if (this.#isFlexible) this.writer.noTags();
    return this;
  }
}

/** Reads fields in the way of `request`'s version. */
export function readString({ body, isFlexible }: Request): string | null {
  return isFlexible ? body.compactString() : body.string();
}

/** See {@linkcode readString}. */
export function readArray<Item>({ body, isFlexible }: Request, read: () => Item): Item[] {
  return isFlexible ? body.compactArray(read) : body.array(read);
}

/** See {@linkcode readString}. */
export function readEnd({ body, isFlexible }: Request): void {
  if (isFlexible) body.tags();
}
