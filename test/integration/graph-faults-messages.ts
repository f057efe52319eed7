import type { Stamp, Uid } from "../../shared/domain/names.ts";
import type { OutgoingMessage } from "../../shared/migration/ports/target.ts";

export const chunkToken = "the chunk";
/** Effects of requests whose answer was lost come late by less than this. */
export const lateMs = 800;

const megabyte = 1024 * 1024;
const large = new Map([
  [3, 4 * megabyte],
  [9, 9 * megabyte],
  [15, 5 * megabyte],
]);

/** The same messages in every process. */
export function faultMessages(): readonly OutgoingMessage[] {
  return Array.from({ length: 30 }, (_, index) => {
    const content = messageContent(index);
    return {
      uid: (index + 1) as Uid,
      stamp: `stamp-${index}` as Stamp,
      chunkToken,
      internalDate: new Date(Date.UTC(2020, 0, 1, 0, index)),
      flags: index % 2 === 0 ? ["\\Seen"] : [],
      size: content.length,
      content,
      timeoutMs: 60_000,
    };
  });
}

export function attachmentOf(index: number): Buffer | undefined {
  const size = large.get(index);
  return size === undefined ? undefined : Buffer.alloc(size, index);
}

function messageContent(index: number): Buffer {
  const head = `From: ann@example.org\r\nSubject: Message ${index}\r\nMessage-ID: <${index}@example.org>\r\n`;
  const attachment = attachmentOf(index);
  if (attachment === undefined) return Buffer.from(`${head}\r\nText ${index}\r\n`);
  const lines = (attachment.toString("base64").match(/.{1,76}/g) ?? []).join("\r\n");
  return Buffer.from(
    `${head}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nText ${index}\r\n--b\r\nContent-Type: application/octet-stream; name=data.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines}\r\n--b--\r\n`,
  );
}
