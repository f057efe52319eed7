import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ContentStore } from "./content.ts";
import { type FaultPlan, Faults } from "./faults.ts";
import { type ItemInspection, inspectMailbox, type MailboxInspection } from "./inspection.ts";
import { renderMime as renderItem } from "./mime.ts";
import type { RawMime } from "./raw-mime.ts";
import { attachmentRoutes } from "./routes-attachments.ts";
import { folderRoutes } from "./routes-folders.ts";
import { messageRoutes } from "./routes-messages.ts";
import { Outgoing, type SentMail, sendMailRoutes } from "./routes-send-mail.ts";
import { userRoutes } from "./routes-users.ts";
import { Router } from "./routing.ts";
import { type SensitiveUpdateOptions, SensitiveUpdates } from "./sensitive-updates.ts";
import { GraphServer } from "./server.ts";
import { Statistics } from "./statistics.ts";
import { type NewMailbox, Tenant } from "./tenant.ts";
import { type MailboxLimits, outlookLimits, Throttle } from "./throttle.ts";
import { Tokens } from "./tokens.ts";
import { UploadSessions } from "./upload-sessions.ts";

export type { FaultKind, FaultPlan, Faults, SingleFault } from "./faults.ts";
export type {
  AttachmentInspection,
  FolderInspection,
  ItemInspection,
  MailboxInspection,
  MessageInspection,
} from "./inspection.ts";
export type { SentMail } from "./routes-send-mail.ts";
export type { LoggedRequest, MailboxStatistics, Statistics, StatisticsSnapshot } from "./statistics.ts";
export type { NewMailbox } from "./tenant.ts";
export type { MailboxLimits } from "./throttle.ts";

export interface GraphOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** The bearer token that never expires; a random one when absent. */
  readonly token?: string;
  /** Bytes of a message with its attachments; the tenant's default is 35 MB, 150 MB at most. */
  readonly maxMessageBytes?: number;
  readonly limits?: Partial<MailboxLimits>;
  readonly faults?: FaultPlan;
  /** Milliseconds every request to a mailbox takes at least; 0 when absent. */
  readonly latencyMs?: number;
  /** False for a cloud that has none. */
  readonly uploadSessions?: boolean;
  readonly uploadSessionLifetimeMs?: number;
  /** Bytes of the smallest attachment an upload session takes: "3 MB", 3,000,000 when absent. */
  readonly smallestUpload?: number;
  /** Bytes of the largest request: "4 MB", 4 MiB when absent. The page does not say which. */
  readonly largestRequest?: number;
  /** The rule on updates of sensitive properties; absent, it holds and the app has no permission. */
  readonly sensitiveUpdates?: SensitiveUpdateOptions;
  /** What is made of raw MIME by calls that the product does not use; absent, they are refused. */
  readonly rawMime?: RawMime;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export interface GraphStandIn {
  /** Origin, without the version: `http://127.0.0.1:1234`. */
  readonly baseUrl: string;
  readonly token: string;
  readonly faults: Faults;
  readonly statistics: Statistics;
  /** A further token, which is accepted for so many milliseconds. */
  issueToken(lifetimeMs: number): string;
  /** @returns the user's object id. */
  addMailbox(mailbox: NewMailbox): string;
  /** By object id, userPrincipalName or any other address. @throws Error where there is none. */
  mailbox(idOrAddress: string): MailboxInspection;
  /** What an administrator does with `Set-Mailbox -ProhibitSendReceiveQuota`; undefined for no limit. */
  setQuota(idOrAddress: string, quotaBytes: number | undefined): void;
  /** What an administrator does by granting, or withdrawing, Mail-Advanced.ReadWrite.All. */
  permitSensitiveUpdates(permitted: boolean): void;
  /** Mails that were sent, oldest first. */
  sentMails(): readonly SentMail[];
  /** What an administrator does by granting, or withdrawing, Mail.Send. */
  permitMailSend(permitted: boolean): void;
  close(): Promise<void>;
}

const megabyte = 1024 * 1024;
const dayMs = 24 * 60 * 60_000;

/** Starts a stand-in for the parts of Microsoft Graph that mail needs, on loopback. */
export async function startGraph(options: GraphOptions = {}): Promise<GraphStandIn> {
  const now = options.now ?? Date.now;
  const directory = await mkdtemp(join(tmpdir(), "graph-stand-in-"));
  const tenant = new Tenant(new ContentStore(directory), options.maxMessageBytes ?? 35 * megabyte, now);
  const updates = new SensitiveUpdates(options.sensitiveUpdates ?? {}, now);
  const uploads = new UploadSessions(tenant, {
    isSupported: options.uploadSessions ?? true,
    lifetimeMs: options.uploadSessionLifetimeMs ?? dayMs,
    smallest: options.smallestUpload ?? 3_000_000,
    updates,
  });
  const mailboxOf = (idOrAddress: string) => {
    const user = tenant.find(idOrAddress);
    if (user === undefined) throw new Error("There is no mailbox with this id or address.");
    return tenant.mailbox(user.id);
  };
  const statistics = new Statistics();
  const outgoing = new Outgoing();
  const faults = new Faults();
  if (options.faults !== undefined) faults.set(options.faults);
  const tokens = new Tokens(options.token);
  const server = new GraphServer({
    tenant,
    uploads,
    outgoing,
    statistics,
    faults,
    tokens,
    router: new Router([
      ...userRoutes(tenant),
      ...folderRoutes(),
      ...messageRoutes(tenant, updates, options.rawMime),
      ...attachmentRoutes(tenant, uploads, updates),
      ...sendMailRoutes(tenant, outgoing),
    ]),
    throttle: new Throttle({ ...outlookLimits, ...options.limits }, statistics),
    latencyMs: options.latencyMs ?? 0,
    largestRequest: options.largestRequest ?? 4 * megabyte,
  });
  const baseUrl = await server.listen(options.port ?? 0);
  return {
    baseUrl,
    token: tokens.permanent,
    faults,
    statistics,
    issueToken: (lifetimeMs) => tokens.issue(now() + lifetimeMs),
    addMailbox: (mailbox) => tenant.add(mailbox).id,
    mailbox: (idOrAddress) => inspectMailbox(mailboxOf(idOrAddress)),
    setQuota: (idOrAddress, quotaBytes) => {
      mailboxOf(idOrAddress).quotaBytes = quotaBytes;
    },
    permitSensitiveUpdates: (permitted) => {
      updates.permitted = permitted;
    },
    sentMails: () => outgoing.sent,
    permitMailSend: (permitted) => {
      outgoing.permitted = permitted;
    },
    close: async () => {
      faults.abandon();
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A message as MIME, made from what is stored of it. See `mime.ts` for what comes out byte by byte. */
export function renderMime(message: ItemInspection): Buffer {
  return renderItem(message.stored);
}
