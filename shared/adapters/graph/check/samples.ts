import { Readable } from "node:stream";

/** Of the messages that a check writes; no mail is read, and none is sent. */
export const sampleDates = {
  received: new Date("2019-03-04T05:06:07Z"),
  sent: new Date("2019-03-04T05:06:00Z"),
};
export const sampleSender = "check@imap-to-m365.invalid";
export const sampleSubject = "imap-to-m365 check";
export const sampleCategory = "imap-to-m365";
/** It proves that the original header is kept. */
export const sampleField = "X-Imap-To-M365-Check: kept as it was";
const megabyte = 1024 * 1024;

function header(name: string, ...fields: readonly string[]): string {
  return [
    `From: Check <${sampleSender}>`,
    `To: Nobody <nobody@imap-to-m365.invalid>`,
    `Subject: ${sampleSubject}`,
    `Date: ${sampleDates.sent.toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: ${messageIdOf(name)}`,
    "MIME-Version: 1.0",
    sampleField,
    ...fields,
    "",
  ].join("\r\n");
}

export function messageIdOf(name: string): string {
  return `<${name}@imap-to-m365.invalid>`;
}

/** A short message. */
export function plainSample(name: string, ...fields: readonly string[]): Buffer {
  return Buffer.from(
    `${header(name, ...fields, "Content-Type: text/plain; charset=utf-8")}\r\nWritten by a check, and removed by it.\r\n`,
  );
}

/** A message whose header has so many bytes. */
export function longHeaderSample(name: string, bytes: number): Buffer {
  const field = `X-Padding: ${"x".repeat(900)}`;
  return plainSample(name, ...Array.from({ length: Math.ceil(bytes / field.length) }, () => field));
}

/** Signed only in form: what matters is that not a byte of it changes. */
export const signedEntity = Buffer.from(
  [
    "--sig",
    "Content-Type: text/plain; charset=us-ascii",
    "",
    "Signed text,  with   blanks.",
    "--sig",
    'Content-Type: application/pkcs7-signature; name="smime.p7s"',
    "Content-Transfer-Encoding: base64",
    "",
    "MIIBwQYJKoZIhvcNAQcCoIIBsjCCAa4CAQExADALBgkqhkiG9w0BBwGgggGUMIIBkA==",
    "--sig--",
    "",
  ].join("\r\n"),
);

export function signedSample(name: string): Buffer {
  const type =
    'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=sig';
  return Buffer.concat([Buffer.from(`${header(name, type)}\r\n`), signedEntity]);
}

/** A message with one attachment of so many megabytes, never whole in memory. */
export function largeSample(
  name: string,
  megabytes: number,
): { readonly size: number; readonly content: () => Promise<Readable> } {
  const start = Buffer.from(
    `${header(name, "Content-Type: multipart/mixed; boundary=b")}\r\n--b\r\nContent-Type: text/plain\r\n\r\nLarge.\r\n--b\r\nContent-Type: application/octet-stream; name="check.bin"\r\nContent-Disposition: attachment; filename="check.bin"\r\nContent-Transfer-Encoding: base64\r\n\r\n`,
  );
  const end = Buffer.from("--b--\r\n");
  const line = Buffer.from(`${Buffer.alloc(57, "imap-to-m365").toString("base64")}\r\n`);
  const lines = Math.ceil((megabytes * megabyte) / 57);
  const together = Buffer.concat(Array.from({ length: 512 }, () => line));
  function* pieces() {
    yield start;
    for (let left = lines; left > 0; left -= 512)
      yield together.subarray(0, Math.min(512, left) * line.length);
    yield end;
  }
  return {
    size: start.length + lines * line.length + end.length,
    content: async () => Readable.from(pieces()),
  };
}

/** Bytes of the attachment of {@link largeSample}. */
export function attachmentBytes(megabytes: number): number {
  return Math.ceil((megabytes * megabyte) / 57) * 57;
}
