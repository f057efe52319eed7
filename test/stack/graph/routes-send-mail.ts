import { GraphError, invalidBody } from "./errors.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import type { Mailbox } from "./mailbox.ts";
import { createItem } from "./message-item.ts";
import {
  type Answer,
  type Call,
  mailboxRoute,
  type Route,
  readJson,
  requireKnownOptions,
} from "./routing.ts";
import { messageShape, requireShape } from "./schema.ts";
import type { Tenant } from "./tenant.ts";

/** A mail that was sent. */
export interface SentMail {
  /** Object id of the user it was sent as. */
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly contentType: string;
  readonly content: string;
  readonly at: number;
}

/** learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits, "Sending limits". */
const messagesPerMinute = 30;
const mostRecipients = 500;
const minuteMs = 60_000;

/** What the tenant lets the app send, and what it has sent. */
export class Outgoing {
  /** False where the app has no Mail.Send. */
  permitted = true;
  readonly sent: SentMail[] = [];

  /** @throws GraphError 429 where the mailbox sends too fast. */
  admit(from: string, now: number): void {
    const recent = this.sent.filter((mail) => mail.from === from && mail.at > now - minuteMs);
    if (recent.length < messagesPerMinute) return;
    const seconds = Math.max(1, Math.ceil(((recent[0]?.at ?? now) + minuteMs - now) / 1000));
    throw new GraphError(429, "ErrorMessageSubmissionBlocked", "The mailbox sends too many messages.", {
      headers: { "Retry-After": String(seconds) },
    });
  }
}

/** learn.microsoft.com/graph/api/user-sendmail: JSON, 202 and no body. Users of the tenant find it in their inbox. */
export function sendMailRoutes(tenant: Tenant, outgoing: Outgoing): Route[] {
  return [mailboxRoute("POST", "/sendMail", (call, _, mailbox) => sendMail(tenant, outgoing, call, mailbox))];
}

async function sendMail(tenant: Tenant, outgoing: Outgoing, call: Call, mailbox: Mailbox): Promise<Answer> {
  requireKnownOptions(call, []);
  if (!outgoing.permitted)
    throw new GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.");
  const now = tenant.now();
  outgoing.admit(mailbox.user.id, now);
  const { message, saveToSentItems } = parametersOf(readJson(call));
  const to = recipientsOf(message);
  if (to.length === 0)
    throw new GraphError(400, "ErrorInvalidRecipients", "At least one recipient is required.");
  if (to.length > mostRecipients)
    throw new GraphError(
      400,
      "ErrorTooManyRecipients",
      `A message has ${mostRecipients} recipients at most.`,
    );
  const item = () => ({
    ...createItem(message, { contents: tenant.contents, now }),
    isDraft: false,
    isRead: false,
  });
  for (const address of to) {
    const user = tenant.find(address);
    if (user === undefined) continue;
    const inbox = tenant.mailbox(user.id);
    inbox.addMessage(inbox.folder("inbox"), item());
  }
  if (saveToSentItems) mailbox.addMessage(mailbox.folder("sentitems"), { ...item(), isRead: true });
  const body = isJsonObject(message.body) ? message.body : {};
  outgoing.sent.push({
    from: mailbox.user.id,
    to,
    subject: String(message.subject ?? ""),
    contentType: String(body.contentType ?? "text").toLowerCase(),
    content: String(body.content ?? ""),
    at: now,
  });
  return { status: 202 };
}

/** Names of parameters are taken in any letter case. */
function parametersOf(json: Json): { readonly message: JsonObject; readonly saveToSentItems: boolean } {
  if (!isJsonObject(json)) throw invalidBody("The body is no object.");
  const given = new Map(Object.entries(json).map(([name, value]) => [name.toLowerCase(), value]));
  const saves = given.get("savetosentitems") ?? true;
  for (const name of given.keys())
    if (name !== "message" && name !== "savetosentitems")
      throw invalidBody(`The parameter '${name}' is not one of the action 'sendMail'.`);
  if (typeof saves !== "boolean") throw invalidBody("SaveToSentItems is no boolean.");
  return { message: requireShape(given.get("message") ?? null, messageShape), saveToSentItems: saves };
}

function recipientsOf(message: JsonObject): string[] {
  const all = [message.toRecipients, message.ccRecipients, message.bccRecipients].flatMap((list) =>
    Array.isArray(list) ? list : [],
  );
  return all.map((recipient) => {
    const email =
      isJsonObject(recipient) && isJsonObject(recipient.emailAddress) ? recipient.emailAddress : {};
    if (typeof email.address !== "string" || !/^[^\s@]+@[^\s@]+$/.test(email.address))
      throw new GraphError(400, "ErrorInvalidRecipients", "At least one recipient isn't valid.");
    return email.address;
  });
}
