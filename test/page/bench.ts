/**
 * `npm run bench:page`: what the page weighs, how long it takes to be seen, how long it lets a user wait meanwhile, and how
 * long a search in 50,000 rows and a jump to their end take until the rows are there, on the whole app on this machine.
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
  await measureLoads();
  await measureSearch();
} finally {
  await browser.close();
  await deployment.stop();
}
process.exit(0);

/** Each in a context of its own, so that nothing is in its cache. */
async function measureLoads(): Promise<void> {
  const loads: { first: number; largest: number; blocked: number }[] = [];
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
  print(
    "largest contentful paint, cold",
    loads.map(({ largest }) => largest),
  );
  print(
    "total blocking time, cold",
    loads.map(({ blocked }) => blocked),
  );
}

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
  // The list of a large batch is as old as its figures, a minute at most.
  const listed = async () =>
    ((await deployment.request("GET", "batches/many/mailboxes?$top=1")).body as { count?: number }).count;
  while ((await listed()) !== rows) {
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
  print(`search in ${rows} rows, from the key to the rows found`, times);
  await search.fill("");
  await note.getByText(`${rows.toLocaleString("en")} mailboxes`).waitFor();
  const jumps: number[] = [];
  for (let run = 0; run < runs; run++)
    jumps.push(
      await page.evaluate(
        (share) =>
          new Promise<number>((resolve) => {
            const list = document.querySelector(".grid-scroll");
            if (list === null) throw new Error("there is no grid");
            const from = performance.now();
            list.scrollTop = list.scrollHeight * share;
            const look = () => {
              if (document.querySelector(".grid-rows .bone") === null) resolve(performance.now() - from);
              else requestAnimationFrame(look);
            };
            // The first frame still shows the rows of before.
            requestAnimationFrame(() => requestAnimationFrame(look));
          }),
        1 - run / (2 * runs),
      ),
    );
  print(`jump within ${rows} rows, until those there are shown`, jumps);
  await page.close();
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
