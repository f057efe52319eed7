import { GraphError } from "./errors.ts";
import type { JsonObject } from "./json.ts";
import type { MessageItem } from "./message-item.ts";

export interface SensitiveUpdateOptions {
  /** Milliseconds since 1970 from which the rule holds (in the world 2026-12-31); always when absent, whatever the calendar says. */
  readonly from?: number;
  /** True if the app holds Mail-Advanced.ReadWrite.All. */
  readonly permitted?: boolean;
  /** `ignored` is what clients have reported: an answer of success, and nothing happened. */
  readonly outcome?: "refused" | "ignored";
  /** True if to add or remove an attachment counts as such an update, which no page says or denies. */
  readonly countsAttachments?: boolean;
}

/** learn.microsoft.com/graph/api/message-update: what the table marks as updatable only if isDraft = true. */
const sensitiveNames = [
  "bccRecipients",
  "body",
  "ccRecipients",
  "from",
  "internetMessageId",
  "multiValueExtendedProperties",
  "replyTo",
  "sender",
  "singleValueExtendedProperties",
  "subject",
  "toRecipients",
];

/**
 * Exchange Online's rule of 2026-12-31: sensitive properties of a message that is no draft can be updated only with a
 * permission of its own. To create is no update, and neither are isRead, flag, categories, importance, moves and deletions.
 * Exchange Team Blog, 2026-03-24, "Upcoming Breaking Changes to Modifying Sensitive Email Properties via Graph API".
 */
export class SensitiveUpdates {
  permitted: boolean;
  readonly #options: SensitiveUpdateOptions;
  readonly #now: () => number;

  constructor(options: SensitiveUpdateOptions, now: () => number) {
    this.permitted = options.permitted ?? false;
    this.#options = options;
    this.#now = now;
  }

  /** @returns the part of an update that takes effect. @throws GraphError 403. */
  admit(item: MessageItem, update: JsonObject): JsonObject {
    const sensitive = sensitiveNames.some((name) => name in update);
    if (!sensitive || !this.#holdsFor(item)) return update;
    this.#refuse();
    return Object.fromEntries(Object.entries(update).filter(([name]) => !sensitiveNames.includes(name)));
  }

  /** @returns false if a change of the attachments has no effect. @throws GraphError 403. */
  admitsAttachments(item: MessageItem): boolean {
    if (this.#options.countsAttachments !== true || !this.#holdsFor(item)) return true;
    this.#refuse();
    return false;
  }

  #holdsFor(item: MessageItem): boolean {
    return !item.isDraft && !this.permitted && this.#now() >= (this.#options.from ?? 0);
  }

  #refuse(): void {
    if (this.#options.outcome === "ignored") return;
    throw new GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.");
  }
}
