/** The page, in a real browser: from a run to a record and what it did, by mouse and by keyboard, in light and dark. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import { buildPage } from "../../tools/build_page.ts";
import { runCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";
import { openBrowser, serveUi } from "../support/ui.ts";

const BODY = `const price = await context.effect("price", value.n);
  if (value.n === 17) throw new RangeError("unlucky");
  context.log("seen " + value.n);
  context.state.set("sum", (context.state.get<number>("sum") ?? 0) + value.n);
  context.emit({ key: "k" + value.n, value: { n: value.n, price, note: "<b>not bold</b>" } });`;

async function recorded(): Promise<TestFolder> {
  const folder = new TestFolder();
  folder.write("p.ts", scriptOf(BODY, { isAsync: true }));
  folder.write("effects.ts", "export const price = (n: number) => n * 100;");
  folder.write("in.ndjson", Array.from({ length: 20 }, (_, n) => `{"n":${10 + n}}\n`).join(""));
  const run = ["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson", "--until-end", "--feed-records", "2"];
  await runCli([...run, "--effects", "effects.ts"], { cwd: folder.path });
  return folder;
}

/** Runs `look` on a page; whatever the browser complains about fails the test. */
async function looking(
  url: string,
  look: (page: Page) => Promise<void>,
  colorScheme: "light" | "dark" = "light",
): Promise<void> {
  const browser = await openBrowser();
  try {
    const context = await browser.newContext({ viewport: { width: 1400, height: 800 }, colorScheme });
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("pageerror", ({ message }) => complaints.push(message));
    page.on("console", (line) => line.type() === "error" && complaints.push(line.text()));
    await page.goto(url);
    await look(page);
    assertEquals(complaints, []);
  } finally {
    await browser.close();
  }
}

Deno.test("the built page is what its sources give", async () => {
  for (const [name, text] of Object.entries(await buildPage())) {
    const built = await Deno.readTextFile(new URL(`../../cli/ui/built/${name}`, import.meta.url));
    assert(built === text, `cli/ui/built/${name} is not up to date: deno task page`);
  }
});

Deno.test("a run leads to its feeds, a feed to its records, with inputs, outputs, changes, effects and logs", async () => {
  await using folder = await recorded();
  await using ui = await serveUi(folder.path);
  await looking(ui.url, async (page) => {
    await page.getByRole("link", { name: /test/ }).click();
    await page.getByText("Halted at").waitFor();
    assertStringIncludes(await page.locator("main").innerText(), "RangeError: unlucky");
    await page.getByRole("link", { name: "in.ndjson/0@63" }).click();
    await page.getByText("price(17) → 1700").waitFor();
    await page.locator('a.row[href$="/0/1/records"]').click();
    await page.getByRole("heading", { name: "Feed 1 of task 0" }).waitFor();
    // The record that was shown before may still be there.
    const unit = page.locator("details.unit").filter({ hasText: '"n": 12' }).first();
    await unit.waitFor();
    const text = await unit.innerText();
    assertMatch(text, /\b1 output\b(?!s)/);
    for (const part of ['"n": 12', '"price": 1200', "state set", "sum", "price(12) → 1200", "info: seen 12"]) {
      assertStringIncludes(text, part);
    }
    assertStringIncludes(text, "<b>not bold</b>");
    await page.getByRole("button", { name: /^Copy: sluice replay test --task 0 --feeds 1\.\.2$/ }).click();
    assertEquals(await page.evaluate("navigator.clipboard.readText()"), "sluice replay test --task 0 --feeds 1..2");
  });
});

Deno.test("state follows the slider, a replay says that it is equal, keys do it all without a mouse", async () => {
  await using folder = await recorded();
  await using ui = await serveUi(folder.path);
  await looking(`${ui.url}/#/test/0/2/state`, async (page) => {
    await page.getByRole("cell", { name: "75", exact: true }).waitFor();
    await page.getByRole("slider").focus();
    await page.keyboard.press("ArrowLeft");
    await page.getByRole("cell", { name: "46", exact: true }).waitFor();
    await page.locator("body").click();
    await page.keyboard.press("k");
    await page.getByRole("heading", { name: "Feed 0 of task 0" }).waitFor();
    await page.getByRole("cell", { name: "21", exact: true }).waitFor();
    await page.keyboard.press("3");
    await page.getByText("every output, state change and effect equals the recording").waitFor();
    assertMatch(page.url(), /#\/test\/0\/0\/replay$/);
  });
});

Deno.test("a feed whose inputs were edited shows the cause side by side, and one that cannot be read says why", async () => {
  await using folder = await recorded();
  folder.write("in.ndjson", folder.read("in.ndjson").replace('"n":11', '"n":99'));
  await using ui = await serveUi(folder.path);
  await looking(`${ui.url}/#/test/0/0/replay`, async (page) => {
    await page.getByText("cause: input").waitFor();
    assertStringIncludes(await page.locator("section.feed").innerText(), "digest");
    folder.write("in.ndjson", folder.read("in.ndjson").split("\n").slice(0, 3).join("\n"));
    await page.goto(`${ui.url}/#/test/0/3/records`);
    await page.getByRole("alert").filter({ hasText: "Cannot read the inputs of feed 3 again" }).waitFor();
  });
});

Deno.test("in the dark the page is dark", async () => {
  await using folder = await recorded();
  await using ui = await serveUi(folder.path);
  await looking(ui.url, async (page) => {
    await page.getByText("Choose a run").waitFor();
    assertEquals(await page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(20, 22, 26)");
  }, "dark");
});

Deno.test("the server reads only, answers this machine only, and names no stranger's host", async () => {
  await using folder = await recorded();
  await using ui = await serveUi(folder.path);
  const status = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${ui.url}${path}`, init);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await status("/api/runs"), 200);
  assertEquals(await status("/api/runs", { method: "POST" }), 405);
  assertEquals(await status("/api/runs/nobody"), 404);
  assertEquals(await status("/api/runs/test/0/feed?seq=99"), 404);
  assertEquals(await status("/../../etc/passwd"), 404);
  const { hostname, port } = new URL(ui.url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(
    new TextEncoder().encode("GET /api/runs HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
  );
  assertStringIncludes(await new Response(connection.readable).text(), "403 Forbidden");
});

Deno.test("beyond this machine a token is wanted, which the printed address has, and a cookie keeps", async () => {
  await using folder = await recorded();
  await using ui = await serveUi(folder.path, ["--host", "0.0.0.0"]);
  const { port, search } = new URL(ui.url);
  assertMatch(search, /^\?token=[0-9a-f]{32}$/);
  const base = `http://127.0.0.1:${port}`;
  const plain = await fetch(`${base}/api/runs`);
  assertEquals([plain.status, await plain.text()], [
    401,
    "a token is wanted: open the address that sluice ui printed\n",
  ]);
  const page = await fetch(`${base}/${search}`);
  const cookie = page.headers.get("set-cookie")!.split(";")[0];
  await page.body?.cancel();
  const runs = await fetch(`${base}/api/runs`, { headers: { cookie } });
  assertEquals([runs.status, (await runs.json())[0].name], [200, "test"]);
});
