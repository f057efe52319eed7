/** `npm run screenshots`: pictures of the page for the documentation, of the sample that `npm start` opens on. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { startDeployment } from "../stack/deployment.ts";
import { showcaseZone, uploadShowcase, verifyPilot } from "../stack/showcase.ts";
import { startBrowser } from "./browser.ts";

const folder = join(import.meta.dirname, "../../infra/docs/pictures");
/** Milliseconds that the sample may take. */
const patienceMs = 600_000;
const deployment = await startDeployment();
const { blobs, graph, dns } = deployment.stack;
if (!blobs || !graph || !dns) throw new Error("this needs the whole local stack");
dns.setRecords(showcaseZone);
const sources = await uploadShowcase(blobs, graph);
const browser = await startBrowser();
try {
  await mkdir(folder, { recursive: true });
  await deployment.waitUntilSettled("sales", patienceMs);
  await deployment.waitUntilSettled("pilot", patienceMs);
  await deployment.waitUntilSettled("branch-office", patienceMs);
  await verifyPilot(`${deployment.app.url}/api`);
  await deployment.waitUntilSettled("pilot", patienceMs);
  for (const colorScheme of ["light", "dark"] as const) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, colorScheme });
    const page = await context.newPage();
    for (const [name, path] of [
      ["batches", "/"],
      ["batch", "/batches/sales"],
      ["cutover", "/batches/pilot/cutover"],
    ] as const) {
      await page.goto(`${deployment.app.url}/api/dashboard${path}`);
      await page.locator("h1").waitFor();
      await page.waitForLoadState("networkidle");
      await page.waitForFunction(() => document.querySelector("[aria-busy=true]") === null);
      await page.waitForTimeout(500);
      // A third of what it weighs without loss, and no difference is seen.
      await page.screenshot({
        path: join(folder, `${name}-${colorScheme}.webp`),
        type: "webp",
        quality: 90,
      });
    }
    await context.close();
  }
} finally {
  await browser.close();
  await deployment.stop();
  for (const source of sources) await source.close();
}
process.exit(0);
