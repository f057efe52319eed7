import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { SendMail } from "../../migration/ports/notices.ts";
import type { IdentityToken } from "../identity-token.ts";
import { isNoMailbox, tokenRefused } from "./classify.ts";
import { GraphClient } from "./client.ts";
import { MailboxGate } from "./gate.ts";

export interface MailSenderSettings {
  /** Service root without the version, such as https://graph.microsoft.com. */
  readonly baseUrl: string;
  readonly token: IdentityToken;
  /** Address (userPrincipalName) or object id of the mailbox that mails are sent from. */
  readonly sender: string;
}

/** Milliseconds for one mail, pauses that Graph asks for included: whoever sends has other work. */
const sendMs = 20_000;
const pauseMs = 60_000;

/**
 * Sends mails of the application by Graph. Nothing is kept among the sent items.
 * A 503 is Graph's word that it did nothing now; what got no answer at all may have been sent.
 * @see https://learn.microsoft.com/graph/api/user-sendmail
 */
export function createMailSender({ baseUrl, token, sender }: MailSenderSettings): SendMail {
  const client = new GraphClient(baseUrl.replace(/\/+$/, ""), token);
  const gate = new MailboxGate(1);
  return async ({ to, subject, html }) => {
    const message = {
      subject,
      body: { contentType: "HTML", content: html },
      toRecipients: to.map((address) => ({ emailAddress: { address } })),
    };
    try {
      const { status } = await client.call(gate, {
        method: "POST",
        path: `/users/${encodeURIComponent(sender)}/sendMail`,
        body: { message, saveToSentItems: false },
        effect: "create",
        deadline: Date.now() + sendMs,
        expect: [503],
      });
      if (status === 503) throw busy();
    } catch (error) {
      throw isMigrationError(error) ? told(error) : error;
    }
  };
}

/** What an error of Graph means for a mail that is to be sent. */
function told(error: MigrationError): MigrationError {
  // A token that is refused sends nothing, and neither does a request that was turned away.
  if (error.kind === "throttled" || error.kind === "transient" || error.code === tokenRefused) return error;
  if (error.code === "TargetAccessDenied")
    return new MigrationError(
      "fatal",
      "MailSendDenied",
      "The application may not send mail from NOTIFICATION_SENDER; give its identity Mail.Send in Entra (permissions.ts --notifications), or add the sender to the scope of its role assignment.",
      { cause: error },
    );
  if (error.code === "TargetMailboxNotFound" || isNoMailbox(error.code))
    return new MigrationError(
      "fatal",
      "NotificationSenderNotFound",
      "There is no Exchange Online mailbox of the name in NOTIFICATION_SENDER; set it to the userPrincipalName of one, a shared mailbox for instance.",
      { cause: error },
    );
  return new MigrationError(
    "fatal",
    "MailRefused",
    `Microsoft Graph refused a mail to the operators: ${error.message}`,
    { cause: error },
  );
}

function busy(): MigrationError {
  return new MigrationError(
    "throttled",
    "GraphThrottled",
    "Microsoft Graph asked for a pause before it sends the mail; it is sent afterwards.",
    { retryAfterMs: pauseMs },
  );
}
