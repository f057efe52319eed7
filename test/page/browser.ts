import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

/** Where Debian, Ubuntu, Windows and macOS put a browser of this kind. */
const places = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
];

export async function startBrowser(): Promise<Browser> {
  const executablePath = places.find((place) => place !== undefined && existsSync(place));
  if (executablePath === undefined)
    throw new Error(
      "No Chromium found. Install one (Debian: apt-get install chromium), or name it in the setting CHROMIUM.",
    );
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

/** What a page must not do. */
export interface Faults {
  readonly found: readonly string[];
}

/** Notes violations of the policy, errors on the console, exceptions, and requests to other hosts. */
export async function watch(context: BrowserContext, page: Page, origin: string): Promise<Faults> {
  const found: string[] = [];
  await context.exposeFunction("noteViolation", (text: string) => found.push(`policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      const { noteViolation } = window as unknown as { noteViolation(text: string): void };
      noteViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") found.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => found.push(`exception: ${error.stack ?? error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith("data:"))
      found.push(`request to ${request.url()}`);
  });
  return { found };
}
