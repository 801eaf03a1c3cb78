/** What happens at the auctions of the Nexmark benchmark (Tucker, Tufte, Papadimos, Maier, 2008). Times are milliseconds. */

import { json, type SourceOptions } from "@sluice/sluice/pipeline";

/** Somebody new. */
export interface Person {
  readonly id: number;
  readonly name: string;
  readonly city: string;
  readonly state: string;
  readonly dateTime: number;
}

/** Something for sale. */
export interface Auction {
  readonly id: number;
  readonly itemName: string;
  readonly category: number;
  readonly seller: number;
  readonly dateTime: number;
  readonly expires: number;
}

/** An offer. */
export interface Bid {
  readonly auction: number;
  readonly bidder: number;
  readonly price: number;
  readonly dateTime: number;
}

/** People, auctions and bids as they are read: up to three seconds out of order. */
export const people = json<Person>();
/** See `people`. */
export const auctions = json<Auction>();
/** See `people`. */
export const bids = json<Bid>();

/** How each is read. */
export const byDateTime: SourceOptions<{ readonly dateTime: number }> = {
  time: ({ dateTime }) => dateTime,
  lateness: "3s",
};

/** No auction is open for longer. */
export const AUCTION_MS_MAX = 20_000;
