import type { BatchView } from "../../domain/api/batches.ts";
import type { CutoverView } from "../../domain/api/cutover.ts";
import { type DifferenceKind, isByUser } from "../../domain/verification.ts";
import { isFailed, type MailboxFacts } from "../mailbox/life.ts";
import type { NoticeFigures, NoticeRecord, OutgoingMail } from "../ports/notices.ts";
import type { RehearsalOutcome } from "../ports/registry.ts";
import { type Block, mailDocument } from "./html.ts";

/*
 * The mails to the operators: what each says, as plain text in tables. They hold addresses of mailboxes, and never a
 * password, a subject or anything of a message. All functions are pure.
 */

/** Addresses shown with each code. */
const maxAddresses = 20;
/** Codes shown in one mail. */
const maxCodes = 20;

export interface MailFacts {
  readonly view: BatchView;
  readonly mailboxes: readonly MailboxFacts[];
  readonly cutover?: Pick<CutoverView, "verdict" | "domains" | "checks" | "reasons"> | undefined;
  /** What was told before, and when. */
  readonly before?: Pick<NoticeRecord, "at" | "figures"> | undefined;
  /** Of the operator's page of the batch; undefined where nobody knows it. */
  readonly page?: string | undefined;
}

/** The mail of a notice. */
export function mailOf(
  notice: Pick<NoticeRecord, "kind" | "covers">,
  facts: MailFacts,
  to: readonly string[],
): OutgoingMail {
  const { title, blocks } = contents[notice.kind](facts, notice.covers ?? []);
  const link: readonly Block[] =
    facts.page === undefined ? [] : [{ kind: "link", text: "Open the batch", address: facts.page }];
  const footer = `Sent by the migration of batch ${facts.view.name}, since your address is one of its notificationEmails. As of ${instant(facts.view.asOf)}.`;
  return {
    to,
    subject: `${facts.view.name}: ${title}`,
    html: mailDocument(`${facts.view.name}: ${title}`, [...blocks, ...link], footer),
  };
}

type Content = { readonly title: string; readonly blocks: readonly Block[] };

const contents: Readonly<
  Record<NoticeRecord["kind"], (facts: MailFacts, covers: readonly string[]) => Content>
> = {
  started: ({ view }) => ({
    title: view.rehearsal ? "the rehearsal has started" : "the migration has started",
    blocks: [
      {
        kind: "facts",
        rows: [
          ["Mailboxes", number(view.totalCount)],
          [
            "Rows that could not be used",
            `${number(view.invalidRowCount)}${view.invalidRowCount > 0 ? " (see validation.csv)" : ""}`,
          ],
          ["Endpoint", view.endpoint],
          ["Ready", view.estimatedCompletion ? instant(view.estimatedCompletion) : "not known yet"],
        ],
      },
    ],
  }),

  loginsTested: ({ view, mailboxes }) => {
    const failures = mailboxes.filter(isFailed);
    const passed = mailboxes.length - failures.length;
    return {
      title: failures.length === 0 ? "all logins work" : `${plural(failures.length, "login")} failed`,
      blocks: [
        {
          kind: "facts",
          rows: [
            ["Logins that work", number(passed)],
            ["Logins that failed", number(failures.length)],
            ["Mailboxes", number(view.totalCount)],
          ],
        },
        ...failureTables(failures),
        text(
          failures.length === 0
            ? "Every mailbox of the batch is copied now."
            : "The others are copied now. failed-mailboxes.csv lists those that failed: mend their rows, and upload it again.",
        ),
      ],
    };
  },

  rehearsed: ({ view, mailboxes }) => {
    const failures = mailboxes.filter(isFailed);
    const found = mailboxes.flatMap(({ rehearsal }) => rehearsal ?? []);
    const sum = (of: (outcome: RehearsalOutcome) => number) =>
      found.reduce((total, outcome) => total + of(outcome), 0);
    const without = found.filter(({ fits }) => fits === false).length;
    const longest = Math.max(0, ...found.map(({ seconds }) => seconds[1]));
    return {
      title: failures.length > 0 ? "the rehearsal is done, with errors" : "the rehearsal is done",
      blocks: [
        {
          kind: "facts",
          rows: [
            ["Mailboxes rehearsed", `${number(found.length)} of ${number(view.totalCount)}`],
            ["Mailboxes failed", number(failures.length)],
            ["Messages to copy", number(sum(({ items }) => items))],
            ["Bytes to copy", bytes(sum((outcome) => outcome.bytes))],
            ["Messages left out", number(sum(({ itemsLeftOut }) => itemsLeftOut))],
            ["Larger than 35 MB", number(sum(({ over35MB }) => over35MB))],
            ["Too large for any target", number(sum(({ tooLarge }) => tooLarge))],
            ["In the target already", number(sum(({ adoptable }) => adoptable))],
            [
              "No room in the target",
              found.some(({ fits }) => fits !== undefined)
                ? plural(without, "mailbox", "mailboxes")
                : "the target does not tell",
            ],
            ["The longest mailbox takes", longest === 0 ? "" : `up to ${duration(longest * 1000)}`],
          ],
        },
        ...failureTables(failures),
        text(
          "Nothing was copied or changed. rehearsal.csv has a row for each folder. Start the batch for real once you like what you see.",
        ),
      ],
    };
  },

  failures: ({ mailboxes }, codes) => {
    const failures = mailboxes.filter(
      (mailbox) => isFailed(mailbox) && codes.includes(mailbox.error?.code ?? "Unknown"),
    );
    return {
      title: `${plural(failures.length, "mailbox", "mailboxes")} failed`,
      blocks: [
        ...failureTables(failures),
        text(
          "Mend what is the matter, then retry the batch. The others go on meanwhile; none of them waits for these.",
        ),
      ],
    };
  },

  synced: ({ view }) => ({
    title: view.failedCount > 0 ? "the first sync is done, with errors" : "every mailbox is synced",
    blocks: [
      {
        kind: "facts",
        rows: [
          ...figures(view),
          ["Took", view.startedAt ? duration(Date.parse(view.asOf) - Date.parse(view.startedAt)) : ""],
        ],
      },
      ...scoreHint(view),
      text(
        "New mail at the old server is copied once a day from now on. Next: lower the time to live of your MX record to 3,600 seconds, wait until the old one has passed, and point the MX record to Microsoft 365. The batch's cut-over check says when it may be deleted.",
      ),
    ],
  }),

  completed: ({ view }) => ({
    title: view.failedCount > 0 ? "the batch is completed, with errors" : "the batch is completed",
    blocks: [
      { kind: "facts", rows: figures(view) },
      ...scoreHint(view),
      text("Mail that still comes to the old server is no longer copied."),
    ],
  }),

  verified: ({ view, mailboxes }) => {
    const outcomes = mailboxes.flatMap(({ verification }) => verification ?? []);
    const compared = outcomes.filter(({ error }) => error === undefined);
    const differences = new Map<string, number>();
    for (const { counts } of compared)
      for (const [kind, many] of Object.entries(counts))
        if (!isByUser(kind as DifferenceKind)) differences.set(kind, (differences.get(kind) ?? 0) + many);
    const found = [...differences.values()].reduce((sum, many) => sum + many, 0);
    return {
      title:
        compared.length < outcomes.length
          ? "the verification is done, with errors"
          : found > 0
            ? `the verification found ${plural(found, "difference")}`
            : "the verification found no difference",
      blocks: [
        {
          kind: "facts",
          rows: [
            ["Mailboxes compared", `${number(compared.length)} of ${number(view.totalCount)}`],
            ["Mailboxes not compared", number(outcomes.length - compared.length)],
            ["Messages compared", number(compared.reduce((sum, one) => sum + one.compared, 0))],
          ],
        },
        ...(found > 0
          ? [
              {
                kind: "table",
                caption: "Differences",
                header: ["Kind", "Messages"],
                rows: [...differences].map(([kind, many]) => [kind, number(many)]),
              } as const,
              text("verification.csv has a row for each. Nothing was repaired, and nothing was changed."),
            ]
          : [text("What users changed themselves is no difference. Nothing was changed.")]),
      ],
    };
  },

  idleSoon: ({ view }) => ({
    title: view.idleStopAt
      ? `the batch stops on ${view.idleStopAt.slice(0, 10)}`
      : "the batch stops for want of attention",
    blocks: [
      text(
        "Nobody has done anything with it for nearly 60 days, so its daily syncs end then. What was copied stays. Sync or start it, and it goes on for another 60 days; complete or delete it if it is no longer needed.",
      ),
      { kind: "facts", rows: figures(view) },
    ],
  }),

  idleStopped: ({ view }) => ({
    title: "the batch was stopped, since nobody touched it for 60 days",
    blocks: [
      text(
        "New mail at the old server is no longer copied; what was copied stays. Start the batch if it is still needed: it goes on where it was. Nothing is removed by itself.",
      ),
      { kind: "facts", rows: figures(view) },
    ],
  }),

  report: ({ view, before }) => ({
    title: `${view.percentageComplete} % complete`,
    blocks: [
      {
        kind: "facts",
        rows: [
          ["Status", view.status],
          ...figures(view),
          [
            "Rate",
            view.activeCount > 0
              ? `${number(view.itemsPerMinute)} messages, ${bytes(view.bytesPerMinute)} a minute`
              : "nothing to copy now",
          ],
          ["Ready", view.estimatedCompletion ? instant(view.estimatedCompletion) : "not known"],
          ["Last sync", view.lastSyncedAt ? instant(view.lastSyncedAt) : "not every mailbox was synced yet"],
        ],
      },
      ...(before?.figures ? [changesSince(view, before.figures, before.at)] : []),
    ],
  }),

  mxMoved: ({ cutover }, covers) => ({
    title: covers.length === 1 ? "the MX record has moved" : "MX records have moved",
    blocks: [
      text(
        `Mail for ${listOf(covers.map((move) => move.split(" ")[0] ?? move))} goes to Microsoft 365 now. Senders may use the old route for up to 72 hours: leave the batch as it is until then, and sync now and then.`,
      ),
      ...verdictTables(cutover),
    ],
  }),

  cutoverReady: ({ cutover }) => ({
    title: "the batch may be deleted",
    blocks: [
      text(
        cutover?.verdict === "ready"
          ? "Nothing stands against it: all mail goes to Microsoft 365, and every mailbox was synced since."
          : "Nothing forbids it, but look at the warnings first.",
      ),
      ...verdictTables(cutover),
    ],
  }),
};

function figures(view: BatchView): readonly (readonly [string, string])[] {
  return [
    ["Mailboxes synced", `${number(view.syncedCount)} of ${number(view.totalCount)}`],
    ["Mailboxes failed", number(view.failedCount)],
    ["Messages copied", number(view.syncedItemCount)],
    [
      "Messages skipped",
      view.unapprovedItemCount > 0
        ? `${number(view.skippedItemCount)} (${number(view.unapprovedItemCount)} not approved)`
        : number(view.skippedItemCount),
    ],
    ["Copied", bytes(view.bytesTransferred)],
    ["Data consistency", view.dataConsistencyScore ?? "not known yet"],
  ];
}

function scoreHint({ failedCount, unapprovedItemCount }: BatchView): readonly Block[] {
  return [
    ...(failedCount > 0
      ? [
          text(
            "failed-mailboxes.csv lists the mailboxes that failed, with the reason. Mend them, then retry.",
          ),
        ]
      : []),
    ...(unapprovedItemCount > 0
      ? [
          text(
            "skipped-items.csv names every message that was not copied, with the reason. Retry them, or approve that they stay at the old server.",
          ),
        ]
      : []),
  ];
}

function changesSince(view: BatchView, before: NoticeFigures, at: number): Block {
  const change = (now: number, then: number) => `${now < then ? "-" : "+"}${number(Math.abs(now - then))}`;
  return {
    kind: "table",
    caption: `Since ${instant(new Date(at).toISOString())}`,
    header: ["", "Change"],
    rows: [
      ["Mailboxes synced", change(view.syncedCount, before.syncedCount)],
      ["Mailboxes failed", change(view.failedCount, before.failedCount)],
      ["Messages copied", change(view.syncedItemCount, before.syncedItemCount)],
      ["Messages skipped", change(view.skippedItemCount, before.skippedItemCount)],
      ["Copied", `+${bytes(Math.max(0, view.bytesTransferred - before.bytesTransferred))}`],
    ],
  };
}

/** One table a code, the most frequent first. */
function failureTables(failures: readonly MailboxFacts[]): readonly Block[] {
  const byCode = new Map<string, MailboxFacts[]>();
  for (const failure of failures) {
    const code = failure.error?.code ?? "Unknown";
    const ofCode = byCode.get(code) ?? [];
    ofCode.push(failure);
    byCode.set(code, ofCode);
  }
  const sorted = [...byCode].sort((a, b) => b[1].length - a[1].length || a[0].localeCompare(b[0]));
  const shown = sorted.slice(0, maxCodes).flatMap(([code, ofCode]): readonly Block[] => {
    const addresses = ofCode.slice(0, maxAddresses).map(({ emailAddress }) => [emailAddress]);
    const more = ofCode.length - addresses.length;
    return [
      {
        kind: "table",
        caption: `${code}: ${plural(ofCode.length, "mailbox", "mailboxes")}`,
        header: [ofCode[0]?.error?.message ?? ""],
        rows: [...addresses, ...(more > 0 ? [[`and ${number(more)} more (failed-mailboxes.csv)`]] : [])],
      },
    ];
  });
  const left = sorted.length - maxCodes;
  return left > 0 ? [...shown, text(`${number(left)} more codes stand in failed-mailboxes.csv.`)] : shown;
}

const verdictWords = {
  ok: "ok",
  warning: "warning",
  wait: "wait",
  fails: "to be done",
  unknown: "not known",
} as const;

function verdictTables(cutover: MailFacts["cutover"]): readonly Block[] {
  if (cutover === undefined) return [];
  const rows = [...cutover.domains.flatMap(({ checks }) => checks), ...cutover.checks].map(
    ({ verdict, value, advice }) => [verdictWords[verdict], advice === null ? value : `${value} ${advice}`],
  );
  return [{ kind: "table", caption: "Cut-over", header: ["", "Check"], rows: rows.slice(0, 100) }];
}

function text(sentences: string): Block {
  return { kind: "text", text: sentences };
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}

function listOf(words: readonly string[]): string {
  const shown = words.slice(0, maxAddresses);
  const more = words.length - shown.length;
  if (more > 0) return `${shown.join(", ")} and ${number(more)} more`;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}

function bytes(value: number): string {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let amount = value;
  let unit = 0;
  for (; amount >= 1000 && unit < units.length - 1; unit++) amount /= 1000;
  return `${amount.toLocaleString("en-US", { maximumFractionDigits: amount < 10 && unit > 0 ? 1 : 0 })} ${units[unit]}`;
}

function duration(milliseconds: number): string {
  const minutes = Math.max(1, Math.round(milliseconds / 60_000));
  if (minutes < 60) return plural(minutes, "minute");
  const hours = Math.round(minutes / 60);
  return hours < 48 ? plural(hours, "hour") : plural(Math.round(hours / 24), "day");
}

/** Without seconds, in UTC: who reads it may be anywhere. */
function instant(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}
