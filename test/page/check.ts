/**
 * `npm run test:page`: drives the page in a browser against the whole app on this machine. From an empty deployment the six
 * steps by keyboard alone until the batch is Synced; then axe in every view and open dialog, in light, dark and forced
 * colours, and at 390 pixels, at 320, and at 200 %; no violation of the policy, no error on the console, no request to another host.
 */
import type { Page } from "playwright-core";
import { startDeployment } from "../stack/deployment.ts";
import { addTargetMailboxes, arrivalsOf } from "../stack/sample-batch.ts";
import { startSampleSource } from "../stack/sample-source.ts";
import { showcaseZone, uploadShowcase, verifyPilot } from "../stack/showcase.ts";
import { violations } from "./accessibility.ts";
import { startBrowser, watch } from "./browser.ts";
import { walkSixSteps } from "./steps.ts";

const looks = [
  { name: "light", colorScheme: "light", width: 1280 },
  { name: "dark", colorScheme: "dark", width: 1280 },
  { name: "forced colours", colorScheme: "dark", forcedColors: "active", width: 1280 },
  { name: "390 pixels", colorScheme: "light", width: 390 },
  { name: "320 pixels", colorScheme: "dark", width: 320 },
  { name: "1280 pixels at 200 %", colorScheme: "light", width: 640, deviceScaleFactor: 2 },
] as const;
const wanted = process.argv.slice(2);
/** Milliseconds that the sample may take. */
const patienceMs = 600_000;
const deployment = await startDeployment();
const { stack, app } = deployment;
const { blobs, graph, dns } = stack;
if (!blobs || !graph || !dns) throw new Error("this needs the whole local stack");
const sources = [await startSampleSource({ messages: 120 })];
const browser = await startBrowser();
const problems: string[] = [];

try {
  const [source] = sources;
  if (source === undefined) throw new Error("no source");
  addTargetMailboxes(graph, source);
  await walk(source);
  dns.setRecords(showcaseZone);
  sources.push(...(await uploadShowcase(blobs, graph)));
  await deployment.waitUntilSettled("sales", patienceMs);
  await deployment.waitUntilSettled("pilot", patienceMs);
  await deployment.waitUntilSettled("branch-office", patienceMs);
  await verifyPilot(`${app.url}/api`);
  await deployment.waitUntilSettled("pilot", patienceMs);
  for (const look of looks) if (wanted.length === 0 || wanted.includes(look.name)) await lookEverywhere(look);
} finally {
  await browser.close();
  await deployment.stop();
  for (const source of sources) await source.close();
}
if (problems.length > 0) {
  console.error(`${problems.length} found.`);
  process.exit(1);
}
console.log("Nothing found.");
process.exit(0);

async function walk(source: Awaited<ReturnType<typeof startSampleSource>>): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  const faults = await watch(context, page, app.url);
  await page.goto(`${app.url}/api/dashboard`);
  await page.getByText("No mail is being moved yet").waitFor();
  note("empty, light", await violations(page));
  await walkSixSteps(page, source, "company", async (where) => note(where, await violations(page)));
  await page.locator("h1").getByText("Synced", { exact: true }).waitFor({ timeout: patienceMs });
  const arrivals = arrivalsOf(graph as NonNullable<typeof graph>, source);
  const wrong = arrivals.filter(({ missing, unexpected }) => missing + unexpected > 0);
  const messages = arrivals.reduce((sum, { arrived }) => sum + arrived, 0);
  if (wrong.length > 0) note("target", [`${wrong.length} mailboxes did not arrive as they are`]);
  console.log(
    `Six steps by keyboard alone: Synced, ${messages} messages of ${arrivals.length} mailboxes arrived.`,
  );
  // Until the CSV is read there is no batch, and the browser notes the 404 by itself.
  note(
    "the six steps",
    faults.found.filter((fault) => !/status of 404/.test(fault)),
  );
  await context.close();
}

interface Look {
  readonly name: string;
  readonly colorScheme: "light" | "dark";
  readonly forcedColors?: "active";
  readonly width: number;
  readonly deviceScaleFactor?: number;
}

async function lookEverywhere({ name, width, ...colours }: Look): Promise<void> {
  const context = await browser.newContext({ viewport: { width, height: 844 }, ...colours });
  const page = await context.newPage();
  const faults = await watch(context, page, app.url);
  note(`first frame, ${name}`, await firstFrameFaults(page, colours));
  const mailboxes = await deployment.mailboxes("sales");
  const id = mailboxes.find(({ error }) => error !== null)?.id ?? "";
  const synced = mailboxes.find(({ skippedItemCount }) => skippedItemCount > 0)?.id ?? "";
  const shown: readonly (readonly [string, (() => Promise<void>)?])[] = [
    ["/"],
    ["/", () => page.getByRole("button", { name: "Actions of pilot" }).click()],
    ["/batches/sales"],
    ["/batches/pilot", () => page.getByRole("button", { name: "Complete" }).click()],
    ["/batches/sales/errors"],
    ["/batches/sales/skipped"],
    ["/batches/sales/skipped", () => page.getByRole("button", { name: /^Accept all/ }).click()],
    ["/batches/branch-office/rehearsal"],
    [
      "/batches/branch-office/rehearsal",
      () => page.getByRole("main").getByRole("button", { name: "Start for real" }).last().click(),
    ],
    ["/batches/pilot/verification"],
    ["/batches/pilot/verification", () => page.getByRole("radio", { name: /byte by byte/ }).check()],
    ["/batches/warehouse"],
    ["/batches/sales/mailboxes", () => page.getByRole("checkbox").first().check()],
    [
      "/batches/sales/mailboxes",
      async () => {
        await page.getByRole("checkbox").first().check();
        await page.getByRole("button", { name: "Forget copies" }).click();
      },
    ],
    ["/batches/pilot", () => page.getByRole("button", { name: "Delete" }).click()],
    ["/batches/pilot/settings"],
    ["/batches/pilot/cutover"],
    ["/batches/sales/reports"],
    ["/batches/sales/history"],
    [`/batches/sales/mailboxes/${id}`],
    [`/batches/sales/mailboxes/${id}`, () => page.getByRole("button", { name: "New password" }).click()],
    [`/batches/sales/mailboxes/${synced}`],
    [`/batches/sales/mailboxes/${synced}`, () => page.getByRole("button", { name: "Forget copies" }).click()],
    ["/new/1"],
    ["/new/1", () => page.getByRole("button", { name: "Next: Mailboxes" }).click()],
    ["/new/2"],
    ["/new/3"],
    ["/new/4"],
    ["/new/5"],
    ["/new/6"],
    ["/endpoints"],
    ["/endpoints/sales"],
    ["/reports"],
    ["/help"],
  ];
  for (const [path, open] of shown) {
    await page.goto(`${app.url}/api/dashboard${path}`);
    await page.locator("h1").waitFor();
    await page.waitForFunction(() => document.querySelector("[aria-busy=true]") === null);
    await page.waitForTimeout(300);
    await open?.();
    await page.waitForTimeout(300);
    note(`${path}${open ? ", opened" : ""}, ${name}`, await violations(page));
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (sideways > 0) note(`${path}, ${name}`, [`${sideways} pixels have to be scrolled sideways`]);
  }
  console.log(`${name}: ${shown.length} views and dialogs looked at`);
  note(name, faults.found);
  await context.close();
}

/** Of what is painted before the page is there: its script is held back. */
async function firstFrameFaults(
  page: Page,
  { colorScheme, forcedColors }: Pick<Look, "colorScheme" | "forcedColors">,
): Promise<readonly string[]> {
  const script = /assets\/main-/;
  await page.route(script, () => undefined);
  const show = async () => {
    await page.goto(`${app.url}/api/dashboard`, { waitUntil: "domcontentloaded" });
    await page.getByText("IMAP to Microsoft 365").waitFor();
  };
  const background = () =>
    page.locator(".first").evaluate((frame) => getComputedStyle(frame).backgroundColor);
  await show();
  const found = [...(await violations(page))];
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (sideways > 0) found.push(`${sideways} pixels have to be scrolled sideways`);
  const bySystem = await background();
  await page.evaluate(
    (chosen) => localStorage.setItem("scheme", chosen),
    colorScheme === "dark" ? "light" : "dark",
  );
  await show();
  if (forcedColors === undefined && (await background()) === bySystem)
    found.push("not in the colours that were chosen");
  await page.evaluate(() => localStorage.clear());
  await page.unroute(script);
  return found;
}

function note(where: string, found: readonly string[]): void {
  for (const problem of found) {
    problems.push(`${where}: ${problem}`);
    console.log(`${where}: ${problem}`);
  }
}
