/** Events of the Nexmark benchmark from a seed: of fifty, one is a person, three are auctions, the others bids. */

import type { Auction, Bid, Person } from "./model.ts";
import { AUCTION_MS_MAX } from "./model.ts";

/** What is generated. */
export interface Events {
  readonly people: readonly Person[];
  readonly auctions: readonly Auction[];
  readonly bids: readonly Bid[];
}

const START_MS = Date.UTC(2026, 0, 1);
const STATES = ["OR", "ID", "CA", "WA", "AZ"];
const CITIES = ["Portland", "Boise", "Palo Alto", "Seattle", "Phoenix"];
const DISORDER_MS = 3000;

/** Generates `count` events, one every `everyMs`; each kind is out of order by less than three seconds. */
export function generate(count: number, { seed = 1, everyMs = 20 } = {}): Events {
  let state = seed >>> 0;
  const random = (below: number): number => {
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  const [people, auctions, bids]: [Person[], Auction[], Bid[]] = [[], [], []];
  for (let n = 0; n < count; n++) {
    const dateTime = START_MS + n * everyMs;
    const place = random(STATES.length);
    if (n % 50 === 0) {
      const id = people.length;
      people.push({ id, name: `person ${id}`, city: CITIES[place], state: STATES[place], dateTime });
    } else if (n % 50 < 4) {
      const id = auctions.length;
      const seller = random(people.length);
      const expires = dateTime + 1000 + random(AUCTION_MS_MAX - 1000);
      auctions.push({ id, itemName: `item ${id}`, category: 10 + random(4), seller, dateTime, expires });
    } else {
      // Recent auctions are wanted most.
      const auction = Math.max(0, auctions.length - 1 - random(30));
      bids.push({ auction, bidder: random(people.length), price: 100 + random(10_000), dateTime });
    }
  }
  return { people: shuffled(people, random), auctions: shuffled(auctions, random), bids: shuffled(bids, random) };
}

/** Each event comes up to three seconds later than it should. */
function shuffled<T extends { readonly dateTime: number }>(
  events: readonly T[],
  random: (below: number) => number,
): T[] {
  return events.map((event) => ({ event, comesMs: event.dateTime + random(DISORDER_MS) }))
    .sort((a, b) => a.comesMs - b.comesMs)
    .map(({ event }) => event);
}
