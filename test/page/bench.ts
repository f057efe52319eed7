/**
 * `npm run bench:page`: what the page weighs, how long it takes to be seen, and how long a search in 50,000 rows takes from
 * the key to the rows found, on the whole app on this machine.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startDeployment } from "../stack/deployment.ts";
import { startBrowser } from "./browser.ts";

const folder = join(import.meta.dirname, "../../dist/page");
const runs = 5;
const rows = 50_000;
/** Milliseconds that reading the CSV may take. */
const readingMs = 600_000;

const files = await readdir(folder, { recursive: true });
const weigh = async (names: readonly string[], end: string): Promise<number> => {
  const sizes = names.map(async (name) => (await stat(join(folder, name + end))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
};
const all = files.filter((name) => /\.(?:js|css|html|svg)$/.test(name));
const html = await readFile(join(folder, "index.html"), "utf8");
const first = ["index.html", ...all.filter((name) => html.includes(name))];
for (const [what, names] of [
  ["first load", first],
  ["all of it", all],
] as const)
  console.log(
    `${what}: ${kib(await weigh(names, ".gz"))} gzip, ${kib(await weigh(names, ".br"))} brotli, ${names.length} files`,
  );

const deployment = await startDeployment();
const browser = await startBrowser();
try {
  const paints: number[] = [];
  for (let run = 0; run < runs; run++) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${deployment.app.url}/api/dashboard`);
    await page.locator("h1").waitFor();
    await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
    paints.push(
      await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0),
    );
    await context.close();
  }
  paints.sort((a, b) => a - b);
  console.log(
    `first contentful paint, cold, ms: least ${ms(paints[0])}, median ${ms(paints[Math.floor(runs / 2)])}, most ${ms(paints.at(-1))}`,
  );
  await measureSearch();
} finally {
  await browser.close();
  await deployment.stop();
}
process.exit(0);

/** Nothing is copied: the batch waits to be started by hand. */
async function measureSearch(): Promise<void> {
  await deployment.putEndpoint("nowhere", { host: "imap.invalid" });
  const users = Array.from({ length: rows }, (_, index) => ({
    emailAddress: `user${String(index).padStart(5, "0")}@contoso.example`,
    userName: `user${index}`,
    password: "secret",
  }));
  await deployment.upload("nowhere", "many", users, { autoStart: false });
  const deadline = Date.now() + readingMs;
  while ((await deployment.batch("many"))?.totalCount !== rows) {
    if (Date.now() > deadline) throw new Error("the CSV is not read yet");
    await sleep(1_000);
  }
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${deployment.app.url}/api/dashboard/batches/many`);
  const note = page.locator(".tools-note");
  await note.getByText(`${rows.toLocaleString("en")} mailboxes`).waitFor({ timeout: 60_000 });
  console.log(`of ${rows} rows ${await page.locator("[aria-rowindex]").count()} are in the document`);
  const search = page.getByRole("searchbox");
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const wanted = `user0${run}1`;
    await search.fill("");
    await note.getByText(`${rows.toLocaleString("en")} mailboxes`).waitFor();
    // Timed within the page, so that what drives it does not count.
    const found = page.evaluate(
      ([box, address]) =>
        new Promise<number>((resolve) => {
          const input = document.querySelector<HTMLInputElement>(box ?? "");
          let typedAt = 0;
          input?.addEventListener("input", () => (typedAt = performance.now()), {
            once: true,
            capture: true,
          });
          new MutationObserver((_, observer) => {
            const first = document.querySelector("[aria-rowindex='2']")?.textContent ?? "";
            if (!first.includes(address ?? "")) return;
            observer.disconnect();
            requestAnimationFrame(() => resolve(performance.now() - typedAt));
          }).observe(document.body, { childList: true, subtree: true, characterData: true });
        }),
      ["input[type=search], [role=searchbox]", wanted],
    );
    await search.fill(wanted);
    times.push(await found);
  }
  times.sort((a, b) => a - b);
  console.log(
    `search in ${rows} rows, from the key to the rows found, ms: least ${ms(times[0])}, median ${ms(times[Math.floor(runs / 2)])}, most ${ms(times.at(-1))}`,
  );
  await page.close();
}

function kib(size: number): string {
  return `${(size / 1024).toFixed(1)} KiB`;
}

function ms(time: number | undefined): string {
  return (time ?? 0).toFixed(0);
}
