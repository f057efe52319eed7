import { sentDate } from "../../domain/header-dates.ts";
import type { MessageLook } from "../../migration/ports/target.ts";

/** Where fields are looked for. */
const maxHeaderBytes = 256 * 1024;
/** Of a field so much is compared. */
const maxField = 998;

/** What a message with this header is known by: its fields as they are, since a server keeps them. Pure. */
export function lookOf(header: Buffer): MessageLook {
  const text = header.toString("latin1", 0, maxHeaderBytes).replace(/\r?\n(?=[ \t])/g, "");
  const from = fieldOf(text, "from");
  return {
    messageId: fieldOf(text, "message-id"),
    sentAt: wholeSecond(sentDate(header)),
    from: (from?.match(/<([^<>]{1,320})>/)?.[1] ?? from)?.trim().toLowerCase(),
    subject: fieldOf(text, "subject"),
  };
}

/** The first field of that name, unfolded (RFC 5322, 2.2.3), its white space as single blanks. */
function fieldOf(unfolded: string, name: string): string | undefined {
  const value = new RegExp(`^${name}[ \\t]{0,99}:(.*)$`, "im").exec(unfolded)?.[1];
  return value?.slice(0, maxField).replace(/\s+/g, " ").trim() || undefined;
}

function wholeSecond(date: Date | undefined): number | undefined {
  return date === undefined ? undefined : Math.floor(date.getTime() / 1000) * 1000;
}
