import type { BatchView } from "../../shared/domain/api/batches.ts";
import type { CutoverView } from "../../shared/domain/api/cutover.ts";
import type { UploadCheck } from "../../shared/domain/api/files.ts";
import type { MailboxView } from "../../shared/domain/api/mailboxes.ts";
import type { BatchVerificationView } from "../../shared/domain/api/verification.ts";
import type { Discovery } from "../../shared/migration/discovery/discover-servers.ts";
import { bar, bytes, type Column, clock, coloured, cut, number, table, wrapped } from "./format.ts";

/*
 * What the API answers, as lines of text. All functions are pure.
 */

export interface Screen {
  readonly width: number;
  readonly colour: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface ErrorGroup {
  readonly code: string;
  readonly mailboxes: number;
  readonly message: string;
  readonly examples: readonly string[];
}

export function batchLines(batches: readonly BatchView[], { width, colour, now }: Screen): string[] {
  if (batches.length === 0) return ["There are no batches. Make one: migrate create"];
  const columns: readonly Column<BatchView>[] = [
    { title: "Batch", of: ({ name }) => name, gives: true },
    { title: "Status", of: ({ status }) => coloured(status, colour) },
    { title: "Done", of: ({ percentageComplete }) => `${percentageComplete} %`, right: true },
    {
      title: "Synced",
      of: (batch) => `${number(batch.syncedCount)}/${number(batch.totalCount)}`,
      right: true,
    },
    { title: "Failed", of: ({ failedCount }) => number(failedCount), right: true },
    { title: "Skipped", of: ({ skippedItemCount }) => number(skippedItemCount), right: true },
    { title: "Last sync", of: ({ lastSyncedAt }) => clock(lastSyncedAt, now), right: true },
  ];
  return table(columns, batches, width);
}

/** The head of a batch: how far it is, in four lines, of a rehearsal in two; and what an operator has to know. */
export function batchHead(batch: BatchView, { width, colour, now }: Screen): string[] {
  const barWidth = 20;
  const percent = batch.rehearsal
    ? Math.floor((100 * batch.syncedCount) / Math.max(1, batch.totalCount))
    : batch.percentageComplete;
  const head = [
    batch.name,
    coloured(batch.status, colour),
    `${bar(percent, barWidth)} ${percent} %`,
    ...(batch.rehearsal ? ["rehearsal"] : []),
    ...(batch.estimatedCompletion ? [`ready about ${clock(batch.estimatedCompletion, now)}`] : []),
  ];
  return [
    head.join("  "),
    ...factsOf(batch).map(([name, value, more]) => {
      const line = `${name.padEnd(9)}  ${value}`;
      return more === "" ? line : `${line.padEnd(width - more.length - 1)} ${more}`;
    }),
    ...notesOf(batch).flatMap((note) => wrapped(note, width)),
  ];
}

type Fact = readonly [name: string, value: string, more: string];

function factsOf(batch: BatchView): readonly Fact[] {
  const done = batch.rehearsal ? "looked at" : "synced";
  const mailboxes = `${number(batch.syncedCount)} of ${number(batch.totalCount)} ${done}, ${number(batch.activeCount)} active, ${number(batch.failedCount)} failed`;
  if (batch.rehearsal) return [["Mailboxes", mailboxes, ""]];
  return [
    ["Mailboxes", mailboxes, batch.dataConsistencyScore ?? ""],
    [
      "Messages",
      `${number(batch.syncedItemCount)} of ${number(batch.totalItemsInSourceMailboxCount)} copied, ${number(batch.skippedItemCount)} skipped`,
      batch.activeCount > 0 ? `${number(batch.itemsPerMinute)}/min` : "",
    ],
    [
      "Data",
      `${bytes(batch.bytesTransferred)} of ${bytes(batch.estimatedTotalTransferSize)}`,
      batch.activeCount > 0 ? `${bytes(batch.bytesPerMinute)}/min` : "",
    ],
  ];
}

function notesOf(batch: BatchView): readonly string[] {
  const notes: string[] = [];
  const { uploadError, noticeError, outage, pause } = batch;
  if (batch.invalidRowCount > 0)
    notes.push(
      `${number(batch.invalidRowCount)} rows could not be used: migrate reports ${batch.name} validation`,
    );
  if (uploadError) notes.push(`Upload: ${uploadError.message} (${uploadError.code})`);
  if (outage) notes.push(`${number(outage.mailboxCount)} mailboxes wait: ${outage.message} (${outage.code})`);
  if (pause) notes.push(`${number(pause.mailboxCount)} mailboxes pause: ${pause.message} (${pause.code})`);
  if (batch.failedCount > 0) notes.push(`Failures by code: migrate errors ${batch.name}`);
  if (batch.unapprovedItemCount > 0)
    notes.push(
      `${number(batch.unapprovedItemCount)} skipped messages are not approved: migrate reports ${batch.name} skipped-items`,
    );
  if (noticeError) notes.push(`Mails: ${noticeError.message} (${noticeError.code})`);
  return notes;
}

export function mailboxLines(mailboxes: readonly MailboxView[], { width, colour, now }: Screen): string[] {
  const columns: readonly Column<MailboxView>[] = [
    { title: "Mailbox", of: ({ emailAddress }) => emailAddress, gives: true },
    { title: "Status", of: ({ status }) => coloured(status, colour) },
    { title: "Done", of: ({ percentageComplete }) => `${percentageComplete} %`, right: true },
    { title: "Messages", of: ({ syncedItemCount }) => number(syncedItemCount), right: true },
    {
      title: "Skipped",
      of: ({ skippedItemCount }) => number(skippedItemCount),
      right: true,
      empty: "0",
    },
    { title: "Data", of: ({ bytesTransferred }) => bytes(bytesTransferred), right: true },
    { title: "", of: ({ error, lastSyncedAt }) => error?.code ?? clock(lastSyncedAt, now), gives: true },
  ];
  return table(columns, mailboxes, width);
}

/** Those that tell most first: at work, failed, waiting, done. */
const order = ["Syncing", "IncrementalSyncing", "Stopping", "Failed", "Queued", "Created", "Stopped"];

/** A batch that is watched: its head, and as many mailboxes as fit. */
export function watchLines(
  batch: BatchView,
  mailboxes: readonly MailboxView[],
  screen: Screen & { readonly height: number },
): string[] {
  const head = batchHead(batch, screen);
  const room = Math.max(3, screen.height - head.length - 4);
  const rank = ({ status }: MailboxView) => (order.includes(status) ? order.indexOf(status) : order.length);
  const sorted = [...mailboxes].sort((a, b) => rank(a) - rank(b));
  const shown = sorted.slice(0, room);
  const more = batch.totalCount - shown.length;
  return [
    ...head,
    "",
    ...(batch.rehearsal ? foundLines(shown, screen) : mailboxLines(shown, screen)),
    ...(more > 0 ? [`and ${number(more)} more`] : []),
    `As of ${clock(batch.asOf, screen.now)}.`,
  ];
}

export function errorLines(groups: readonly ErrorGroup[], { width }: Screen): string[] {
  if (groups.length === 0) return ["No mailbox has failed."];
  return groups.flatMap(({ code, mailboxes, message, examples }) => [
    `${code}: ${number(mailboxes)} ${mailboxes === 1 ? "mailbox" : "mailboxes"}`,
    ...wrapped(message, width, "  "),
    ...examples.map((address) => cut(`  - ${address}`, width)),
    ...(mailboxes > examples.length ? [`  and ${number(mailboxes - examples.length)} more`] : []),
  ]);
}

export function discoveryLines(
  {
    domain,
    value,
    notes,
  }: { readonly domain: string; readonly value: Discovery["servers"]; readonly notes: readonly string[] },
  { width }: Screen,
): string[] {
  const tried = value.filter(({ outcome }) => outcome === "ok" || outcome === "warning");
  if (tried.length === 0)
    return [
      `Nothing answered for ${domain}.`,
      ...wrapped("Look up the server's name where a mail program shows it, and name it with --host.", width),
      ...notes.flatMap((note) => wrapped(note, width)),
    ];
  return [
    ...tried.flatMap(({ outcome, endpoint: { host, port, security }, message }) => [
      `${outcome === "ok" ? "+" : "!"} ${host}:${port} (${security})`,
      ...wrapped(message, width, "  "),
    ]),
    ...notes.flatMap((note) => wrapped(note, width)),
  ];
}

export interface TestStep {
  readonly step: string;
  readonly outcome: string;
  readonly message?: string;
  readonly code?: string;
}

/** The test of an endpoint, step by step. */
export function stepLines(steps: readonly TestStep[], { width }: Screen): string[] {
  const stepWidth = Math.max(...steps.map(({ step }) => step.length));
  const outcomeWidth = Math.max(...steps.map(({ outcome }) => outcome.length));
  const indent = " ".repeat(stepWidth + outcomeWidth + 4);
  return steps.flatMap(({ step, outcome, message, code }) => {
    const [first = "", ...rest] = wrapped(message ?? code ?? "", width, indent);
    const start = `${step.padEnd(stepWidth)}  ${outcome.padEnd(outcomeWidth)}  `;
    return [`${start}${first.trimStart()}`.trimEnd(), ...rest];
  });
}

export function checkLines(
  { validRowCount, invalidRowCount, issues, issueCount }: UploadCheck,
  { width }: Screen,
): string[] {
  return [
    `${number(validRowCount)} ${validRowCount === 1 ? "row" : "rows"} can be used, ${number(invalidRowCount)} cannot.`,
    ...issues
      .slice(0, 20)
      .flatMap(({ line, code, message }) => wrapped(`line ${line}: ${message} (${code})`, width, "  ")),
    ...(issueCount > 20 ? [`  and ${number(issueCount - 20)} more`] : []),
  ];
}

type Found = NonNullable<MailboxView["rehearsal"]>;

/** What a rehearsal found: a row for each mailbox, and their sum. */
export function rehearsalLines(mailboxes: readonly MailboxView[], screen: Screen): string[] {
  const sum = (of: (found: Found) => number) =>
    mailboxes.reduce((total, { rehearsal }) => total + (rehearsal === null ? 0 : of(rehearsal)), 0);
  return [
    ...foundLines(mailboxes, screen),
    `${number(sum(({ itemCount }) => itemCount))} messages, ${bytes(sum((found) => found.bytes))}. Nothing was copied.`,
  ];
}

function foundLines(mailboxes: readonly MailboxView[], { width }: Screen): string[] {
  const shown =
    (of: (found: Found) => string) =>
    ({ rehearsal }: MailboxView) =>
      rehearsal === null ? "" : of(rehearsal);
  const columns: readonly Column<MailboxView>[] = [
    { title: "Mailbox", of: ({ emailAddress }) => emailAddress, gives: true },
    { title: "Messages", of: shown(({ itemCount }) => number(itemCount)), right: true },
    { title: "Data", of: shown((found) => bytes(found.bytes)), right: true },
    {
      title: "Left out",
      of: shown(({ itemsLeftOutCount }) => number(itemsLeftOutCount)),
      right: true,
      empty: "0",
    },
    { title: "Too large", of: shown(({ tooLargeCount }) => number(tooLargeCount)), right: true, empty: "0" },
    { title: "Fits", of: shown(({ fits }) => (fits === null ? "?" : fits ? "yes" : "no")) },
    { title: "", of: ({ error, rehearsal }) => error?.code ?? (rehearsal ? "" : "not yet"), gives: true },
  ];
  return table(columns, mailboxes, width);
}

/** What a verification found. */
export function verificationLines(view: BatchVerificationView, { width }: Screen): string[] {
  const { mailboxCount, equalCount, failedCount, comparedItemCount, differences, byUsers } = view;
  const counted = (counts: Readonly<Record<string, number>>, what: string) =>
    Object.entries(counts).map(([kind, count]) => `${what} ${kind}: ${number(count)}`);
  return [
    `${number(equalCount)} of ${number(mailboxCount)} mailboxes are equal, ${number(comparedItemCount)} messages compared.`,
    ...(failedCount > 0 ? [`${number(failedCount)} mailboxes could not be compared.`] : []),
    ...counted(differences, "x"),
    ...counted(byUsers, "- by users,"),
    ...(view.statement === null ? [] : wrapped(view.statement, width)),
  ];
}

const verdicts: Readonly<Record<CutoverView["verdict"], string>> = {
  ready: "The batch may be deleted.",
  readyWithWarnings: "The batch may be deleted. Look at the warnings first.",
  notYet: "Not yet.",
  blocked: "The batch may not be deleted.",
};
const marks = { ok: "+", warning: "!", wait: "~", fails: "x", unknown: "?" } as const;

export function cutoverLines(cutover: CutoverView, { width, now }: Screen): string[] {
  const checks = [...cutover.domains.flatMap((domain) => domain.checks), ...cutover.checks];
  const ready = cutover.readyAt === null ? "" : ` Ready at ${clock(cutover.readyAt, now)}.`;
  return [
    `${verdicts[cutover.verdict]}${ready}`,
    ...checks.flatMap(({ verdict, value, advice }) => {
      const [first = "", ...rest] = wrapped(advice === null ? value : `${value} ${advice}`, width, "  ");
      return [`${marks[verdict]} ${first.trimStart()}`, ...rest];
    }),
  ];
}
