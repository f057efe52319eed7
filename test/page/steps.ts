import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { addressOf } from "../stack/sample-batch.ts";
import type { SampleSource } from "../stack/sample-source.ts";

/** Presses Tab until a control of this name has the focus. @throws after a hundred. */
export async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const fits = (text: string) => (typeof name === "string" ? text === name : name.test(text));
  for (let step = 0; step < 100; step++) {
    await page.keyboard.press("Tab");
    if (fits(await focusedName(page))) return;
  }
  throw new Error(`no control ${name} is reached by Tab; the last one was ${await focusedName(page)}`);
}

/** What a screen reader would call the control that has the focus. */
async function focusedName(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (!(element instanceof HTMLElement)) return "";
    const labels =
      "labels" in element ? [...((element.labels as NodeListOf<HTMLLabelElement> | null) ?? [])] : [];
    const labelled = element.getAttribute("aria-labelledby");
    const named = labelled ? document.getElementById(labelled.split(" ")[0] ?? "")?.textContent : undefined;
    return (
      element.getAttribute("aria-label") ??
      labels[0]?.textContent ??
      named ??
      element.textContent ??
      ""
    )
      .replace(/\*$/, "")
      .trim();
  });
}

/** Waits until a step has come and its heading has the focus, as it does at each step: until then a key may be lost. */
async function heading(page: Page, text: string): Promise<void> {
  await page.getByRole("heading", { name: text }).waitFor();
  await page.waitForFunction(
    (wanted) => document.activeElement?.matches("h2") && document.activeElement.textContent?.includes(wanted),
    text,
  );
}

/**
 * Goes through the six steps by keyboard alone: every control is reached by Tab, and worked by keys. Only the file dialog,
 * which is the browser's own, is answered for.
 * @param look is called where a server was tested, and where rules were tried.
 */
export async function walkSixSteps(
  page: Page,
  source: SampleSource,
  batch: string,
  look: (where: string) => Promise<void>,
): Promise<void> {
  const rows = source.mailboxes.map((mailbox) =>
    [addressOf(mailbox), mailbox.user, mailbox.password].join(","),
  );
  const csv = join(await mkdtemp(join(tmpdir(), "csv-")), `${batch}.csv`);
  await writeFile(csv, ["EmailAddress,UserName,Password", ...rows, ""].join("\r\n"));
  const [login] = source.mailboxes;
  if (login === undefined) throw new Error("the source has no mailbox");
  const type = async (name: string, text: string) => {
    await tabTo(page, name);
    await page.keyboard.press("Control+A");
    await page.keyboard.type(text);
  };
  const press = async (name: string | RegExp) => {
    await tabTo(page, name);
    await page.keyboard.press("Enter");
  };

  // Listened for from the start: the browser is told by a message of its own that the page answers for its file dialogs.
  const choosing = page.waitForEvent("filechooser", { timeout: 120_000 });
  choosing.catch(() => undefined);
  await press("New migration");
  await heading(page, "1. Find the server");
  await type("Host name", source.host);
  await type("Port", String(source.port));
  await tabTo(page, "Encryption");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await tabTo(page, /travel in the clear$/);
  await page.keyboard.press("Space");
  await press("Next: Mailboxes");

  await heading(page, "2. Mailboxes");
  await press("Choose the CSV");
  await (await choosing).setFiles(csv);
  await page.getByText(`${rows.length} rows are good`).waitFor();
  await press("Next: Endpoint");

  await heading(page, "3. Endpoint");
  await type("Name of the endpoint", "old-server");
  await type("User name", login.user);
  await type("Password", login.password);
  await press("Save and test");
  await page.getByText("The server can be used").waitFor({ timeout: 60_000 });
  await look("a server that was tested");
  await press("Next: Options");

  await heading(page, "4. Options");
  await type("Leave folders out", "#JunkEmail#\nNowhere/*");
  await page.getByText("Nowhere/* fits none of them.").waitFor();
  await look("rules that were tried");
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Delete");
  await type("Largest message, in MB", "25");
  await press("Next: Schedule");

  await heading(page, "5. Schedule");
  await press("Next: Review and start");

  await heading(page, "6. Review and start");
  await press("Start the migration");
  await page.waitForURL(`**/batches/${batch}`);
}
