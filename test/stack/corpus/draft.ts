import type { Random } from "../random.ts";
import { encodedWords } from "./mime.ts";
import { type Language, paragraphs } from "./text.ts";

/** What a message is made from. */
export interface Draft {
  readonly random: Random;
  readonly language: Language;
  readonly date: Date;
  /** Without the angle brackets. */
  readonly messageId: string;
  /** About how many bytes the message is to have. */
  readonly size: number;
}

/** Half-hour and quarter-hour zones, and the far ends, beside the usual ones; minutes east of Greenwich. */
const ZONES = [0, 60, 120, -300, -480, 330, 345, -210, 525, 765, -720, 840];

/** An address as it stands in a header field: bare, quoted, or with an encoded name. */
export function address(draft: Draft): string {
  const name = draft.random.pick(draft.language.names);
  const mailbox = `person${draft.random.integer(1, 400)}@${draft.random.pick(["example.com", "example.org", "sub.example.net"])}`;
  if (draft.random.chance(0.2)) return mailbox;
  if (!/^[\x20-\x7e]*$/.test(name)) return `${encodedWords(name, headerCharset(draft))} <${mailbox}>`;
  return /^[\w ]+$/.test(name) ? `${name} <${mailbox}>` : `"${name}" <${mailbox}>`;
}

export function addresses(draft: Draft, count: number): string {
  return Array.from({ length: count }, () => address(draft)).join(",\r\n ");
}

/** Words for a subject, as people write it: sometimes with a prefix, sometimes with an emoji. */
export function subjectText(draft: Draft): string {
  const words = Array.from({ length: draft.random.integer(1, 7) }, () =>
    draft.random.pick(draft.language.words),
  );
  const prefix = draft.random.pick(["", "", "", "Re: ", "AW: ", "Fwd: ", "[list] "]);
  return prefix + words.join(" ") + (draft.random.chance(0.05) ? " 🎉" : "");
}

/** A text of about the size that the message is to have, within the bounds of what people write. */
export function bodyText(draft: Draft): string {
  return paragraphs(draft.random, draft.language, Math.min(draft.size, 60_000));
}

/** The header fields of nearly every message. */
export function usualFields(draft: Draft): string[] {
  return [
    ...receivedFields(draft),
    `From: ${address(draft)}`,
    `To: ${addresses(draft, draft.random.integer(1, 3))}`,
    ...(draft.random.chance(0.3) ? [`Cc: ${addresses(draft, draft.random.integer(1, 4))}`] : []),
    subjectField(draft),
    dateField(draft),
    `Message-ID: <${draft.messageId}>`,
  ];
}

export function receivedFields(draft: Draft): string[] {
  const id = draft.random.integer(1e8, 1e9).toString(36).toUpperCase();
  return [
    "Return-Path: <sender@example.com>",
    `Received: from mx.example.com (mx.example.com [192.0.2.${draft.random.integer(1, 254)}])\r\n\tby mail.example.org (Postfix) with ESMTPS id ${id}\r\n\tfor <someone@example.org>; ${headerDate(draft.date, 0)}`,
  ];
}

export function subjectField(draft: Draft): string {
  const text = subjectText(draft);
  return `Subject: ${encodedWords(text, text.includes("🎉") ? "utf-8" : headerCharset(draft))}`;
}

export function dateField(draft: Draft): string {
  return `Date: ${headerDate(draft.date, draft.random.pick(ZONES))}`;
}

/** A date as RFC 5322 writes it, in a zone of so many minutes east of Greenwich. */
export function headerDate(date: Date, zone: number): string {
  const local = new Date(date.getTime() + zone * 60_000);
  const day = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][local.getUTCDay()];
  const month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][
    local.getUTCMonth()
  ];
  const distance = Math.abs(zone);
  const offset = String(Math.floor(distance / 60) * 100 + (distance % 60)).padStart(4, "0");
  const time = local.toISOString().slice(11, 19);
  return `${day}, ${local.getUTCDate()} ${month} ${local.getUTCFullYear()} ${time} ${zone < 0 ? "-" : "+"}${offset}`;
}

export function boundary(draft: Draft): string {
  return `----=_Part_${draft.random.integer(1e9, 1e10).toString(36)}`;
}

/** Some languages' charsets are not theirs alone: mail of the last ten years mostly says UTF-8. */
export function headerCharset(draft: Draft): string {
  return draft.random.chance(0.5) || draft.language.charset === "us-ascii" ? "utf-8" : draft.language.charset;
}
