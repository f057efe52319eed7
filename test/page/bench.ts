/** `npm run bench:page`: what the page weighs, and how long it takes to be seen, on the whole app on this machine. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { startDeployment } from "../stack/deployment.ts";
import { startBrowser } from "./browser.ts";

const folder = join(import.meta.dirname, "../../dist/page");
const runs = 5;

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
} finally {
  await browser.close();
  await deployment.stop();
}
process.exit(0);

function kib(size: number): string {
  return `${(size / 1024).toFixed(1)} KiB`;
}

function ms(time: number | undefined): string {
  return (time ?? 0).toFixed(0);
}
