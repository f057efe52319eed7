import PostalMime, { type Address, type Email } from "postal-mime";
import { type MessageInspection, renderMime } from "../graph/index.ts";
import type { Sample } from "./samples.ts";
import type { SmimeUser } from "./smime.ts";

/** How something of the source is found in the target. */
export type Form = "exact" | "other" | "lost";

export interface Aspect {
  readonly what: string;
  readonly form: Form;
}

interface Pair {
  readonly sample: Sample;
  /** The source as a parser that is not ours reads it. */
  readonly source: Email;
  readonly arrival: MessageInspection;
  readonly smime: SmimeUser;
}

type Measure = (pair: Pair) => readonly Aspect[] | Promise<readonly Aspect[]>;

/**
 * Compares an arrival with its source, point by point. The source is read by postal-mime, so that our own parser is not its
 * own judge.
 */
export async function compareArrival(
  sample: Sample,
  arrival: MessageInspection,
  smime: SmimeUser,
): Promise<readonly Aspect[]> {
  const source = await PostalMime.parse(sample.content, {
    forceRfc822Attachments: true,
    attachmentEncoding: "arraybuffer",
  });
  const aspects: Aspect[] = [];
  for (const measure of measures) aspects.push(...(await measure({ sample, source, arrival, smime })));
  return aspects;
}

const found = (what: string, form: Form): readonly Aspect[] => [{ what, form }];
const nothing: readonly Aspect[] = [];
/** Exact, or lost. */
const kept = (what: string, same: boolean) => found(what, same ? "exact" : "lost");

const measures: readonly Measure[] = [
  receivedDate,
  sentDate,
  messageId,
  threading,
  originalHeader,
  subject,
  people,
  importance,
  state,
  receipt,
  bodyText,
  attachments,
  signature,
];

function receivedDate({ sample, arrival }: Pair): readonly Aspect[] {
  return kept("received date", arrival.receivedDateTime.getTime() === sample.internalDate.getTime());
}

function sentDate({ sample, source, arrival }: Pair): readonly Aspect[] {
  const written = source.date === undefined ? Number.NaN : Date.parse(source.date);
  const sent = arrival.sentDateTime.getTime();
  if (sent === written) return found("sent date", "exact");
  return found(
    "sent date (the received date stands in)",
    sent === sample.internalDate.getTime() ? "other" : "lost",
  );
}

function messageId({ source, arrival }: Pair): readonly Aspect[] {
  if (source.messageId === undefined) return found("Message-ID (Exchange makes one)", "other");
  return kept("Message-ID", arrival.internetMessageId === source.messageId);
}

function threading({ source, arrival }: Pair): readonly Aspect[] {
  if (source.references === undefined) return nothing;
  const same = arrival.extended("String 0x1039") === source.references.replace(/\s+/g, " ");
  return kept("References, In-Reply-To", same && arrival.extended("String 0x1042") === source.inReplyTo);
}

/** The header block as it stands, and what follows it; there is none if the first line is no field. */
function split(content: Buffer): { readonly header: string; readonly body: string } {
  const text = content.toString("utf8");
  if (!/^[\w-]+:/.test(text)) return { header: "", body: text };
  const blankLine = /\r?\n\r?\n/.exec(text);
  const end = blankLine === null ? text.length : blankLine.index + blankLine[0].length;
  return { header: text.slice(0, end), body: text.slice(end) };
}

function originalHeader({ sample, arrival }: Pair): readonly Aspect[] {
  const { header } = split(sample.content);
  if (header === "") return nothing;
  const stored = arrival.extended("String 0x007D") ?? "";
  if (stored === header) return found("original header", "exact");
  const attached = arrival.attachments.some((one) => one.bytes().toString() === header);
  return found(
    "original header (its first 128 KB, and whole as an attachment)",
    stored !== "" && header.startsWith(stored) && attached ? "other" : "lost",
  );
}

function subject({ source, arrival }: Pair): readonly Aspect[] {
  const written = source.subject ?? "";
  const stored = arrival.properties.subject;
  if (stored === written) return found("subject", "exact");
  return found(
    "subject (its first 255 characters)",
    stored.length === 255 && written.startsWith(stored) ? "other" : "lost",
  );
}

interface Person {
  readonly name: string;
  readonly address: string;
}

function people({ source, arrival }: Pair): readonly Aspect[] {
  const lists: readonly (readonly [string, readonly Address[], readonly Person[]])[] = [
    ["To", source.to ?? [], arrival.properties.toRecipients],
    ["Cc", source.cc ?? [], arrival.properties.ccRecipients],
    ["Bcc", source.bcc ?? [], arrival.properties.bccRecipients],
    ["Reply-To", source.replyTo ?? [], arrival.properties.replyTo],
  ];
  return [
    ...lists.flatMap(([field, written, stored]) => recipients(field, written, stored)),
    ...author("From", source.from, arrival.properties.from, /^from:.*,.*@/i.test(fieldLine(source, "from"))),
    ...author("Sender", source.sender, arrival.properties.sender, false),
  ];
}

function fieldLine(source: Email, key: string): string {
  return source.headerLines.find((line) => line.key === key)?.line ?? "";
}

function recipients(
  field: string,
  written: readonly Address[],
  stored: readonly Person[],
): readonly Aspect[] {
  if (written.length === 0) return nothing;
  const members = written.flatMap((one) => one.group ?? [one]);
  const same = samePeople(members, stored);
  if (written.some((one) => one.group !== undefined))
    return found(`${field} (the members of its groups)`, same ? "other" : "lost");
  return kept(field, same);
}

function samePeople(written: readonly Person[], stored: readonly Person[]): boolean {
  const line = ({ name, address }: Person) => `${name === "" ? address : name} <${address}>`;
  return written.map(line).join() === stored.map(line).join();
}

function author(
  field: string,
  written: Address | undefined,
  stored: Person | undefined,
  several: boolean,
): readonly Aspect[] {
  if (written === undefined || written.group !== undefined) return nothing;
  const same = stored !== undefined && samePeople([written], [stored]);
  if (several) return found(`${field} (the first of the authors)`, same ? "other" : "lost");
  return kept(field, same);
}

const sensitivities = new Map([["company-confidential", "3"]]);

function importance({ source, arrival }: Pair): readonly Aspect[] {
  const value = (key: string) =>
    source.headers.find((header) => header.key === key)?.value.toLowerCase() ?? "";
  const important = /high|low/.exec(`${value("importance")} ${value("x-msmail-priority")}`)?.[0];
  const sensitive = sensitivities.get(value("sensitivity"));
  return [
    ...(important === undefined ? [] : kept("importance", arrival.properties.importance === important)),
    ...(sensitive === undefined ? [] : kept("sensitivity", arrival.extended("Integer 0x0036") === sensitive)),
  ];
}

function state({ sample, arrival }: Pair): readonly Aspect[] {
  const has = (flag: string) => sample.flags.includes(flag);
  const verb = arrival.extended("Integer 0x1081");
  const both = has("\\Answered") && has("$Forwarded");
  return [
    ...kept("read state", arrival.isRead === has("\\Seen")),
    ...kept(has("\\Draft") ? "draft state" : "not a draft", arrival.isDraft === has("\\Draft")),
    ...(has("\\Flagged") ? kept("flag", arrival.properties.flag.flagStatus === "flagged") : []),
    ...(has("\\Answered") ? kept("answered state", verb === "102") : []),
    ...(has("$Forwarded")
      ? kept(both ? "forwarded state (next to answered)" : "forwarded state", verb === "104")
      : []),
    ...sample.flags
      .filter((flag) => /^[$\w]/.test(flag) && flag !== "$Forwarded")
      .flatMap((flag) => keyword(flag, arrival)),
  ];
}

function keyword(flag: string, arrival: MessageInspection): readonly Aspect[] {
  const { categories } = arrival.properties;
  if (categories.includes(flag)) return found("keywords (as categories)", "other");
  if (flag === "$label1")
    return found("Thunderbird's labels (as categories)", categories.includes("Important") ? "other" : "lost");
  return found(`keyword ${flag} (tells mail programs only)`, "lost");
}

function receipt({ source, arrival }: Pair): readonly Aspect[] {
  if (!source.headers.some((header) => header.key === "disposition-notification-to")) return nothing;
  const asked = arrival.properties.isReadReceiptRequested || arrival.properties.isDeliveryReceiptRequested;
  return found("request for a receipt (never sent again; in the original header)", asked ? "lost" : "other");
}

/** Line ends and blanks at the end carry no meaning in a text, and the parsers differ in them. */
function comparable(text: string): string {
  return text
    .replaceAll("\0", "")
    .replace(/[\r\n]+/g, "\n")
    .trim();
}

function bodyText({ sample, source, arrival }: Pair): readonly Aspect[] {
  const { contentType, content } = arrival.properties.body;
  if (sample.smime === "opaqueSigned" || sample.smime === "encrypted") return nothing;
  const stored = comparable(content);
  if (contentType === "html") {
    const shown =
      stored === comparable(source.html ?? "")
        ? found("HTML", "exact")
        : joined("HTML and texts (joined)", source, stored);
    const alternative = /multipart\/alternative/i.test(sample.content.toString("latin1"));
    return [
      ...shown,
      ...(alternative ? found("plain text next to HTML (Exchange derives its own)", "lost") : nothing),
    ];
  }
  // Where there is no structure to be read, the text is all there is.
  const text = comparable(
    (source.text ?? "") === "" && source.attachments.length === 0
      ? split(sample.content).body
      : (source.text ?? ""),
  );
  if (stored === text) return text === "" ? nothing : found("text", "exact");
  if (text.includes("\ufffd")) {
    const readable = text.split(/\ufffd+/).every((piece) => stored.includes(piece));
    return found("text (its charset is guessed)", readable && !stored.includes("\ufffd") ? "other" : "lost");
  }
  const attached = arrival.attachments.some(
    (one) =>
      one.kind === "file" && one.name === "message.txt" && comparable(one.bytes().toString("utf8")) === text,
  );
  if (attached && text.startsWith(stored))
    return found("text (whole as an attachment, its begin as the body)", "other");
  return joined("texts (joined)", source, stored);
}

/** Every word of the source's texts is there, in whatever arrangement. */
function joined(what: string, source: Email, stored: string): readonly Aspect[] {
  const words =
    `${source.text ?? ""} ${(source.html ?? "").replace(/<[^>]*>/g, " ")}`.match(/[\p{L}\p{N}]+/gu) ?? [];
  return found(what, words.every((word) => stored.includes(word)) ? "other" : "lost");
}

async function attachments({ sample, source, arrival }: Pair): Promise<readonly Aspect[]> {
  if (sample.smime !== undefined) return nothing;
  const aspects = new Map<string, Form>();
  const stored = arrival.attachments
    .filter((one) => one.kind === "file")
    .map((one) => ({ one, bytes: one.bytes() }));
  for (const attachment of source.attachments) {
    const content = attachment.content as ArrayBuffer;
    const index = stored.findIndex(({ bytes }) => isSameFile(bytes, Buffer.from(content), sample.content));
    const [match] = index === -1 ? [] : stored.splice(index, 1);
    const what =
      attachment.mimeType === "message/rfc822" ? "attached messages (as .eml files)" : "attachments";
    worst(aspects, what, match === undefined ? "lost" : "exact");
    if (attachment.filename !== null)
      worst(aspects, "attachment names", match?.one.name === attachment.filename ? "exact" : "lost");
    if (attachment.related === true)
      worst(aspects, "inline pictures", match?.one.isInline === true ? "exact" : "lost");
    if (attachment.mimeType === "text/calendar")
      worst(
        aspects,
        "invitation (as a file that does not act again)",
        match === undefined ? "lost" : "other",
      );
  }
  return [...aspects].map(([what, form]) => ({ what, form }));
}

/** The other parser rewrites line ends of texts; then the bytes have to stand in the source as they arrived. */
function isSameFile(stored: Buffer, read: Buffer, source: Buffer): boolean {
  if (stored.equals(read)) return true;
  return source.includes(stored) && comparable(stored.toString("utf8")) === comparable(read.toString("utf8"));
}

const order: readonly Form[] = ["exact", "other", "lost"];

function worst(aspects: Map<string, Form>, what: string, form: Form): void {
  const before = aspects.get(what) ?? "exact";
  aspects.set(what, order.indexOf(form) > order.indexOf(before) ? form : before);
}

async function signature({ sample, arrival, smime }: Pair): Promise<readonly Aspect[]> {
  if (sample.smime === undefined) {
    const pgp = /protocol="application\/pgp-signature"/.test(sample.content.toString("latin1"));
    return pgp ? found("PGP signature over the text (the text is stored anew)", "lost") : nothing;
  }
  const what = {
    clearSigned: "signature (openssl verifies)",
    opaqueSigned: "signature (openssl verifies)",
    encrypted: "encrypted content (openssl decrypts)",
  }[sample.smime];
  const open = (message: Buffer) => smime.open(sample.smime ?? "encrypted", message).catch(() => undefined);
  const [before, after] = [await open(sample.content), await open(renderMime(arrival))];
  return kept(what, before !== undefined && after?.equals(before) === true);
}
