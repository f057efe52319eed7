/**
 * `npm run bench:page`: what the page weighs, how long it takes to be seen, how long it lets a user wait meanwhile, and how
 * long a search in 50,000 rows and a jump to their end take until the rows are there, on the whole app on this machine.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { startDeployment } from "../stack/deployment.ts";
import { startBrowser } from "./browser.ts";

const folder = join(import.meta.dirname, "../../dist/page");
const runs = 5;
const { values } = parseArgs({ options: { rows: { type: "string", default: "50000" } } });
const rows = Number(values.rows);
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
  await measureLoads();
  await measureLists();
} finally {
  await browser.close();
  await deployment.stop();
}
process.exit(0);

/** Each in a context of its own, so that nothing is in its cache. */
async function measureLoads(): Promise<void> {
  const loads: { first: number; largest: number; blocked: number }[] = [];
  const plain: number[] = [];
  for (let run = 0; run < runs; run++) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.addInitScript(() => {
      const seen = { largest: 0, tasks: [] as { start: number; duration: number }[] };
      Object.assign(window, { seen });
      new PerformanceObserver((list) => {
        seen.largest = list.getEntries().at(-1)?.startTime ?? 0;
      }).observe({ type: "largest-contentful-paint", buffered: true });
      new PerformanceObserver((list) => {
        for (const { startTime, duration } of list.getEntries())
          seen.tasks.push({ start: startTime, duration });
      }).observe({ type: "longtask", buffered: true });
    });
    plain.push(await paintedAt(`${deployment.app.url}/api/openapi.json`));
    await page.goto(`${deployment.app.url}/api/dashboard`);
    await page.getByText("No mail is being moved yet").waitFor();
    await page.waitForTimeout(1_000);
    loads.push(
      await page.evaluate(() => {
        const { seen } = window as unknown as {
          seen: { largest: number; tasks: { start: number; duration: number }[] };
        };
        const first = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0;
        // What of a task goes beyond 50 ms keeps a user waiting who has seen something.
        const blocked = seen.tasks
          .filter(({ start, duration }) => start + duration > first)
          .reduce(
            (sum, { start, duration }) => sum + Math.max(0, start + duration - Math.max(start, first) - 50),
            0,
          );
        return { first, largest: seen.largest, blocked };
      }),
    );
    await context.close();
  }
  print(
    "first contentful paint, cold",
    loads.map(({ first }) => first),
  );
  print("  that of a plain text of the same app", plain);
  print(
    "largest contentful paint, cold",
    loads.map(({ largest }) => largest),
  );
  print(
    "total blocking time, cold",
    loads.map(({ blocked }) => blocked),
  );
}

/** When something of a page is first seen, milliseconds from the click that led to it. */
async function paintedAt(url: string): Promise<number> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  const entry = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
  await page.waitForFunction(entry);
  const at = (await page.evaluate(entry)) ?? 0;
  await context.close();
  return at;
}

/** Nothing is copied: the batch waits to be started by hand. */
async function measureLists(): Promise<void> {
  await readRows();
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${deployment.app.url}/api/dashboard/batches/many`);
  const note = page.locator(".tools-note");
  const all = note.getByText(`${rows.toLocaleString("en")} mailboxes`);
  await all.waitFor({ timeout: 60_000 });
  console.log(`of ${rows} rows ${await page.locator("[aria-rowindex]").count()} are in the document`);
  const search = page.getByRole("searchbox");
  const busy = await processorTime(page);
  const searches: Wait[] = [];
  const ofPage: number[] = [];
  for (let run = 0; run < runs; run++) {
    const wanted = `user0${run}1`;
    await search.fill("");
    await all.waitFor();
    // Timed within the page, so that what drives it does not count.
    const found = page.evaluate(
      ([box, address]) =>
        new Promise<Wait>((resolve) => {
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
            requestAnimationFrame(() => resolve({ from: typedAt, to: performance.now() }));
          }).observe(document.body, { childList: true, subtree: true, characterData: true });
        }),
      ["input[type=search], [role=searchbox]", wanted],
    );
    const before = await busy();
    await search.fill(wanted);
    searches.push(await found);
    ofPage.push((await busy()) - before);
  }
  await printWaits(page, `search in ${rows} rows, from the key to the rows found`, searches);
  print("  processor time of the page for it", ofPage);
  await search.fill("");
  await all.waitFor();
  const jumps: Wait[] = [];
  const blanks: number[] = [];
  for (let run = 0; run < runs; run++) {
    const { jump, blankFrom } = await page.evaluate(
      (share) =>
        new Promise<{ jump: Wait; blankFrom: number | undefined }>((resolve) => {
          const list = document.querySelector(".grid-scroll");
          if (list === null) throw new Error("there is no grid");
          const from = performance.now();
          let blankFrom: number | undefined;
          list.scrollTop = list.scrollHeight * share;
          const look = (frame: number) => {
            const isBlank = document.querySelector(".grid-rows .bone") !== null;
            if (isBlank) blankFrom ??= performance.now();
            // The first frame still shows the rows of before.
            if (!isBlank && frame > 0) resolve({ jump: { from, to: performance.now() }, blankFrom });
            else requestAnimationFrame(() => look(frame + 1));
          };
          requestAnimationFrame(() => look(0));
        }),
      1 - run / (2 * runs),
    );
    jumps.push(jump);
    blanks.push(blankFrom === undefined ? 0 : jump.to - blankFrom);
  }
  await printWaits(page, `jump within ${rows} rows, until those there are shown`, jumps);
  print("  of that without rows, from one frame to another", blanks);
  await page.close();
}

/** Milliseconds since the page began. */
interface Wait {
  readonly from: number;
  readonly to: number;
}

/** Uploads the CSV, and waits until the list has every row. Who asks for the list meanwhile has the batch read whole. */
async function readRows(): Promise<void> {
  const startedAt = performance.now();
  await deployment.putEndpoint("nowhere", { host: "imap.invalid" });
  const users = Array.from({ length: rows }, (_, index) => ({
    emailAddress: `user${String(index).padStart(5, "0")}@contoso.example`,
    userName: `user${index}`,
    password: "secret",
  }));
  await deployment.upload("nowhere", "many", users, { autoStart: false });
  const csv = deployment.stack.blobs?.getContainerClient("uploads").getBlobClient("nowhere/many.csv");
  const listed = async () =>
    ((await deployment.request("GET", "batches/many/mailboxes?$top=1")).body as { count?: number }).count;
  while ((await csv?.exists()) || (await listed()) !== rows) {
    if (performance.now() - startedAt > readingMs) throw new Error("the CSV is not read yet");
    await sleep(1_000);
  }
  console.log(
    `${rows} rows of a CSV are listed ${ms((performance.now() - startedAt) / 1000)} s after the upload`,
  );
}

/** Milliseconds for which the page has kept a processor busy, however many others want it. */
async function processorTime(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  return async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return (metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0) * 1_000;
  };
}

/** How long each took, and how much of that passed while the API was asked; the rest is the page's. */
async function printWaits(page: Page, what: string, waits: readonly Wait[]): Promise<void> {
  const asked = await page.evaluate(() =>
    performance
      .getEntriesByType("resource")
      .filter(({ name }) => name.includes("/mailboxes?"))
      .map(({ startTime, duration }) => ({ from: startTime, to: startTime + duration })),
  );
  const ofApi = waits.map(({ from, to }) => {
    const within = asked.filter((ask) => ask.from < to && ask.to > from);
    return within.length === 0
      ? 0
      : Math.min(to, Math.max(...within.map((ask) => ask.to))) -
          Math.max(from, Math.min(...within.map((ask) => ask.from)));
  });
  print(
    what,
    waits.map(({ from, to }) => to - from),
  );
  const bare: number[] = [];
  for (let run = 0; run < runs; run++)
    bare.push(
      await page.evaluate(async () => {
        const from = performance.now();
        await (await fetch("/api/me")).text();
        return performance.now() - from;
      }),
    );
  print("  of that the API", ofApi);
  print("  GET /api/me, which reads nothing", bare);
  print(
    "  and the page",
    waits.map(({ from, to }, index) => to - from - (ofApi[index] ?? 0)),
  );
}

function print(what: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  console.log(
    `${what}, ms: least ${ms(sorted[0])}, median ${ms(sorted[Math.floor(sorted.length / 2)])}, most ${ms(sorted.at(-1))}`,
  );
}

function kib(size: number): string {
  return `${(size / 1024).toFixed(1)} KiB`;
}

function ms(time: number | undefined): string {
  return (time ?? 0).toFixed(0);
}
