/** The handlers of 05_prices.ts: here a table, elsewhere a request to a service. */

const PRICES: Readonly<Record<string, number>> = { apple: 30, pear: 45 };

/** The price of an article, in cents. */
export function price(sku: unknown): number {
  const cents = PRICES[String(sku)];
  if (cents === undefined) throw new Error(`there is no price for ${sku}`);
  return cents;
}
