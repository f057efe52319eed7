/**
 * Copies, through the whole application, from sources that are broken in places, all at once in mailboxes of their own:
 * `npm run campaign:broken -- --side source [--only text,text] [--minutes 30] [--log file]`.
 * Prints per case what was copied and named, how often the broken thing was asked for, and after how many seconds all
 * else was copied and the mailbox had ended its sync. Takes a quarter of an hour, since what fails is tried for so long.
 * Exit code 1 if anything is lost, doubled or not named.
 */
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Deployment, startDeployment } from "../../stack/deployment.ts";
import type { FolderInspection } from "../../stack/graph/inspection.ts";
import type { BrokenCase, BrokenPlace } from "./case.ts";
import { sourceCases } from "./source-cases.ts";

const { values } = parseArgs({
  options: {
    side: { type: "string", default: "source" },
    only: { type: "string", default: "" },
    minutes: { type: "string", default: "30" },
    log: { type: "string" },
  },
});
const settleMs = Number(values.minutes) * 60_000;
const pollMs = 2_000;

interface Details {
  readonly status: string;
  readonly warnings: readonly { readonly code: string; readonly count: number }[];
  readonly skippedItems: readonly { readonly code: string; readonly message: string }[];
  readonly folders: readonly { readonly path: string; readonly error: { readonly code: string } | null }[];
  readonly error: { readonly code: string } | null;
}

interface Result {
  readonly title: string;
  readonly cells: readonly string[];
  readonly wrong: string | undefined;
}

const parts = values.only.split(",");
const cases = sourceCases.filter(({ title }) => parts.some((part) => title.includes(part)));
if (cases.length === 0) throw new Error(`--only: no case has ${values.only} in its title`);

const deployment = await startDeployment();
const places: BrokenPlace[] = [];
const logging = setInterval(() => void writeLog(), 10_000);
try {
  const results = await Promise.all(cases.map((one, index) => playToEnd(deployment, one, index)));
  console.log("| case | copied | named | tries | all else after | ended after |");
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const { title, cells } of results) console.log(`| ${[title, ...cells].join(" | ")} |`);
  const wrong = results.filter((result) => result.wrong !== undefined);
  for (const result of wrong) console.log(`\nRED ${result.title}: ${result.wrong}`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
} finally {
  clearInterval(logging);
  await writeLog();
  await deployment.stop();
  await Promise.all(places.map((place) => place.stop()));
}

async function writeLog(): Promise<void> {
  const lines = deployment.log.map((event) => JSON.stringify(event));
  if (values.log) await writeFile(values.log, lines.join("\n"));
}

/** A case that does not end keeps the others' results. */
async function playToEnd(app: Deployment, one: BrokenCase, index: number): Promise<Result> {
  try {
    return await play(app, one, index);
  } catch (error) {
    const wrong = error instanceof Error ? error.message : String(error);
    console.error(`RED ${one.title}: ${wrong}`);
    return { title: one.title, cells: ["?", "?", "?", "?", "never"], wrong };
  }
}

async function play(app: Deployment, one: BrokenCase, index: number): Promise<Result> {
  const name = `case${index + 1}`;
  const emailAddress = `${name}@contoso.com`;
  const { graph } = app.stack;
  if (graph === undefined) throw new Error("the target is Graph's stand-in");
  graph.addMailbox({ userPrincipalName: emailAddress });
  const place = await one.start(name);
  places.push(place);
  const { userName = name, password, expected } = place;
  await app.putEndpoint(name, place.endpoint);
  const startedAt = Date.now();
  await app.upload(name, name, [{ emailAddress, userName, password }], one.options);
  const foldersOf = () => graph.mailbox(emailAddress).folders.flatMap((folder) => [folder, ...below(folder)]);
  const isBin = ({ wellKnownName }: FolderInspection) => wellKnownName === "deleteditems";
  const inTarget = () =>
    foldersOf()
      .filter((folder) => !isBin(folder))
      .flatMap(({ messages }) => messages);
  const seconds = () => `${Math.round((Date.now() - startedAt) / 1_000)} s`;
  let allElse = "never";
  const id = await settled(app, name, startedAt, (copied) => {
    if (allElse === "never" && copied >= expected.copied) allElse = seconds();
  });
  const ended = seconds();
  for (const change of place.between ?? []) {
    change();
    const since = Date.now();
    await app.request("POST", `batches/${name}/sync`);
    await settled(app, name, since);
  }
  const details = (await app.request("GET", `batches/${name}/mailboxes/${id}`)).body as Details;
  const named = namedIn(details);
  const copies = inTarget();
  const ids = copies.map(({ internetMessageId }) => internetMessageId);
  const found = { copied: new Set(ids).size, doubled: ids.length - new Set(ids).size, named };
  const wanted = { copied: expected.copied, doubled: 0, named: expected.named };
  const tries = place.tries();
  const isRight = details.status === "Synced" && JSON.stringify(found) === JSON.stringify(wanted);
  console.error(`${isRight ? "ok " : "RED"} ${one.title}, after ${ended}`);
  return {
    title: one.title,
    cells: [
      `${found.copied} of ${expected.copied}`,
      [
        ...Object.entries(named).map(([code, count]) => `${code}: ${count}`),
        ...details.folders.flatMap(({ path, error }) => (error ? [`${path}: ${error.code}`] : [])),
      ].join(", ") || "nothing",
      Number.isNaN(tries) ? "not counted" : String(tries),
      allElse,
      ended,
    ],
    wrong: isRight
      ? undefined
      : `${details.status} ${details.error?.code ?? ""}, ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`,
  };
}

/** @returns the id of the batch's one mailbox once it has ended a sync after an instant. */
async function settled(
  app: Deployment,
  batch: string,
  since: number,
  onProgress: (copied: number) => void = () => undefined,
): Promise<string> {
  for (;;) {
    const [mailbox] = await app.mailboxes(batch).catch(() => []);
    onProgress(mailbox?.syncedItemCount ?? 0);
    const isOver =
      mailbox?.status === "Failed" ||
      (mailbox?.status === "Synced" && Date.parse(mailbox.lastSyncedAt ?? "") >= since);
    if (mailbox && isOver) return mailbox.id;
    if (Date.now() - since > settleMs) throw new Error(`${batch} does not end: ${mailbox?.status}`);
    await sleep(pollMs);
  }
}

function below({ childFolders }: FolderInspection): FolderInspection[] {
  return childFolders.flatMap((folder) => [folder, ...below(folder)]);
}

function namedIn({ warnings, skippedItems }: Details): Record<string, number> {
  const named: Record<string, number> = {};
  for (const { code } of skippedItems) named[code] = (named[code] ?? 0) + 1;
  for (const { code, count } of warnings) named[code] = count;
  return named;
}
