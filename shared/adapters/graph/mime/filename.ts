import { storableText, truncateText } from "./charset.ts";
import type { Entity } from "./scan.ts";

const extensions: Readonly<Record<string, string>> = {
  "text/plain": "txt",
  "text/html": "html",
  "text/calendar": "ics",
  "text/csv": "csv",
  "text/vcard": "vcf",
  "text/x-vcard": "vcf",
  "text/rfc822-headers": "txt",
  "text/enriched": "txt",
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/gif": "gif",
  "image/svg+xml": "svg",
  "application/pdf": "pdf",
  "application/zip": "zip",
  "application/pgp-signature": "asc",
  "application/pgp-encrypted": "asc",
  "application/pkcs7-signature": "p7s",
  "application/x-pkcs7-signature": "p7s",
  "application/pkcs7-mime": "p7m",
  "message/rfc822": "eml",
  "message/global": "eml",
  "message/delivery-status": "txt",
  "message/disposition-notification": "txt",
};

/** Types that only a name tells, where the header is damaged. */
const typesByExtension: ReadonlyMap<string, string> = new Map([
  ...Object.entries(extensions).map(([type, extension]) => [extension, type] as const),
  ["txt", "text/plain"],
  ["htm", "text/html"],
  ["jpeg", "image/jpeg"],
  ["vcf", "text/vcard"],
  ["eml", "message/rfc822"],
  ["p7s", "application/pkcs7-signature"],
  ["p7m", "application/pkcs7-mime"],
  ["asc", "application/octet-stream"],
]);

/** The media type of a file as its name tells it; the name is one, so it is some file at least. */
export function typeOfName(name: string): string {
  const extension = /\.(\w{1,10})$/.exec(name)?.[1]?.toLowerCase() ?? "";
  return typesByExtension.get(extension) ?? "application/octet-stream";
}

const names: Readonly<Record<string, string>> = {
  "application/ms-tnef": "winmail.dat",
  "text/calendar": "invite.ics",
  "message/delivery-status": "delivery-status.txt",
  "message/disposition-notification": "disposition-notification.txt",
  "text/rfc822-headers": "headers.txt",
};

const maxNameLength = 255;

/** The name a part carries itself, if any. */
export function declaredName(entity: Entity): string | undefined {
  const name = entity.disposition.params.get("filename") ?? entity.contentType.params.get("name");
  const clean = name === undefined ? "" : storableName(name);
  return clean === "" ? undefined : clean;
}

/**
 * A name for a part's attachment: its own, or one that tells its type. Exchange demands one.
 * @param number distinguishes unnamed parts of one message.
 * @param subject of an attached message, by which readers know it.
 */
export function attachmentName(entity: Entity, number: number, subject = ""): string {
  const type = entity.contentType.value;
  const title = storableName(subject);
  const name =
    declaredName(entity) ?? (title === "" ? undefined : `${truncateText(title, maxNameLength - 4)}.eml`);
  if (name === undefined) return names[type] ?? `attachment-${number}.${extensions[type] ?? "bin"}`;
  // Outlook opens an attached message only by its extension.
  return type === "message/rfc822" && !/\.\w{1,5}$/.test(name) ? `${name}.eml` : name;
}

/** A name Exchange takes: senders' paths and control characters are no part of it. */
export function storableName(name: string): string {
  const clean = storableText(name)
    .replace(/[\r\n\t]+/g, " ")
    .replace(/[/\\:*?"<>|]/g, "_")
    .trim();
  if (clean.length <= maxNameLength) return clean;
  const extension = /\.\w{1,10}$/.exec(clean)?.[0] ?? "";
  return truncateText(clean, maxNameLength - extension.length) + extension;
}
