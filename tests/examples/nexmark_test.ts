/** The queries of Nexmark against SQLite over the same events, which are out of order; run as a user runs them. */

import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { DatabaseSync } from "node:sqlite";
import { type Events, generate } from "../../examples/nexmark/generator.ts";
import { runCli } from "../support/cli.ts";
import { TestFolder } from "../support/processor_script.ts";

const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 16);
console.log(`seed ${SEED}`);
const EVENTS = generate(15_000, { seed: SEED });
const HERE = fileURLToPath(new URL("../../examples/nexmark/", import.meta.url));

type Kind = keyof Events;
type Row = Readonly<Record<string, unknown>>;

/** What a query gives. */
async function run(query: string, kinds: readonly Kind[], args: readonly string[] = []): Promise<Row[]> {
  await using folder = new TestFolder();
  for (const kind of kinds) {
    folder.write(`${kind}.ndjson`, EVENTS[kind].map((event) => JSON.stringify(event) + "\n").join(""));
  }
  const from = kinds.flatMap((kind) => ["--from", `${kind}=file:${kind}.ndjson?time=dateTime`]);
  const to = ["--to", "file:out.ndjson", "--until-end", "--feed-records", "777"];
  const { code, stderr } = await runCli(["run", `${HERE}${query}.ts`, ...from, ...to, ...args], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  const lines = folder.read("out.ndjson").split("\n").slice(0, -1);
  assert(lines.length > 0, `${query} gives nothing`);
  return lines.map((line) => JSON.parse(line) as Row);
}

/** All events as tables, `n` being the order in which they come. */
function database(): DatabaseSync {
  const db = new DatabaseSync(":memory:");
  for (const [table, rows] of Object.entries(EVENTS) as [string, readonly Row[]][]) {
    const columns = Object.entries(rows[0]).map(([name, value]) =>
      `${name} ${typeof value === "number" ? "INTEGER" : "TEXT"}`
    );
    db.exec(`CREATE TABLE ${table} (n INTEGER, ${columns.join(", ")})`);
    const insert = db.prepare(`INSERT INTO ${table} VALUES (?, ${columns.map(() => "?").join(", ")})`);
    db.exec("BEGIN");
    rows.forEach((row, n) => insert.run(n, ...Object.values(row) as (string | number)[]));
    db.exec("COMMIT");
  }
  return db;
}

const db = database();
const all = (sql: string): Row[] => db.prepare(sql).all().map((row) => ({ ...row as Row }));
const sorted = (rows: readonly Row[]): string[] => rows.map((row) => JSON.stringify(row)).sort();

function assertSame(given: readonly Row[], expected: readonly Row[]): void {
  assertEquals(given.length, expected.length);
  assertEquals(sorted(given), sorted(expected));
}

Deno.test("query 0: pass through", async () => {
  assertEquals(await run("q0", ["bids"]), EVENTS.bids.map((bid) => ({ ...bid })));
});

Deno.test("query 1: currency conversion", async () => {
  const expected = all("SELECT auction, bidder, price * 908 / 1000.0 AS price, dateTime FROM bids ORDER BY n");
  assertEquals(await run("q1", ["bids"]), expected);
});

Deno.test("query 2: selection", async () => {
  assertEquals(await run("q2", ["bids"]), all("SELECT auction, price FROM bids WHERE auction % 123 = 0 ORDER BY n"));
});

Deno.test("query 3: local items", async () => {
  assertSame(
    await run("q3", ["auctions", "people"]),
    all(`SELECT p.name, p.city, p.state, a.id AS auction FROM auctions a JOIN people p ON a.seller = p.id
         WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA') AND p.dateTime <= a.dateTime`),
  );
});

/** An auction is over when it had no bid for the longest time that one is open. */
const CLOSED = `SELECT a.id, a.category, a.seller, max(b.price) AS price, max(b.dateTime) AS lastMs
  FROM auctions a JOIN bids b ON b.auction = a.id
  WHERE b.dateTime >= a.dateTime AND b.dateTime < a.expires GROUP BY a.id`;

Deno.test("query 4: average price per category", async () => {
  const given = new Map((await run("q4", ["auctions", "bids"])).map(({ category, average }) => [category, average]));
  const expected = all(`SELECT category, avg(price) AS average FROM (${CLOSED}) GROUP BY category`);
  assertEquals(given.size, expected.length);
  for (const { category, average } of expected) {
    assert(Math.abs((given.get(category) as number) - (average as number)) < 1e-6, `${category}`);
  }
});

Deno.test("query 5: hot items", async () => {
  assertSame(
    await run("q5", ["bids"]),
    all(`WITH RECURSIVE hops(h) AS (SELECT 0 UNION ALL SELECT h + 1 FROM hops WHERE h < 4),
         counts AS (SELECT auction, (dateTime / 2000 + h + 1) * 2000 AS endMs, count(*) AS bids
           FROM bids, hops GROUP BY 1, 2)
         SELECT auction, endMs, bids FROM counts c
         WHERE bids = (SELECT max(bids) FROM counts WHERE endMs = c.endMs)`),
  );
});

Deno.test("query 6: average price per seller", async () => {
  const rows = all(`SELECT * FROM (${CLOSED}) ORDER BY lastMs, CAST(id AS TEXT)`) as unknown as {
    seller: number;
    price: number;
  }[];
  const last = new Map<number, number[]>();
  const expected = rows.map(({ seller, price }) => {
    const prices = [...last.get(seller) ?? [], price].slice(-10);
    last.set(seller, prices);
    return { seller, average: prices.reduce((sum, each) => sum + each, 0) / prices.length };
  });
  assertEquals(await run("q6", ["auctions", "bids"]), expected);
});

Deno.test("query 7: highest bid", async () => {
  assertSame(
    await run("q7", ["bids"]),
    all(`SELECT auction, bidder, price, dateTime FROM (
           SELECT *, max(price) OVER (PARTITION BY dateTime / 10000) AS highest FROM bids)
         WHERE price = highest`),
  );
});

Deno.test("query 8: new users", async () => {
  assertSame(
    await run("q8", ["people", "auctions"]),
    all(`SELECT DISTINCT p.id, p.name FROM people p
         JOIN auctions a ON a.seller = p.id AND a.dateTime / 10000 = p.dateTime / 10000`),
  );
});

Deno.test("query 11: sessions", async () => {
  const expected = all(`WITH marked AS (
      SELECT bidder, dateTime, dateTime - lag(dateTime, 1, 0) OVER (PARTITION BY bidder ORDER BY dateTime) > 10000 AS isNew
      FROM bids),
    numbered AS (SELECT *, sum(isNew) OVER (PARTITION BY bidder ORDER BY dateTime) AS session FROM marked)
    SELECT CAST(bidder AS TEXT) AS key, min(dateTime) AS startMs, max(dateTime) AS endMs, count(*) AS bids
    FROM numbered GROUP BY bidder, session`);
  assertSame(await run("q11", ["bids"]), expected);
});

Deno.test("query 12: by the clock of the run", async () => {
  // By the clock `event`, it is as late as the latest event so far.
  const expected = all(`WITH timed AS (SELECT bidder, max(dateTime) OVER (ORDER BY n) AS nowMs FROM bids)
    SELECT CAST(bidder AS TEXT) AS key, nowMs / 10000 * 10000 AS startMs, (nowMs / 10000 + 1) * 10000 AS endMs,
      count(*) AS bids FROM timed GROUP BY bidder, nowMs / 10000`);
  assertSame(await run("q12", ["bids"], ["--clock", "event"]), expected);
});
