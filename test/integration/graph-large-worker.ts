import { Readable } from "node:stream";
import { createGraphTarget } from "../../shared/adapters/graph/index.ts";
import { isMigrationError } from "../../shared/domain/errors.ts";
import type { Stamp, Uid } from "../../shared/domain/names.ts";

/** A message with one attachment of so many bytes, made while it is read. */
function* largeMessage(bytes: number): Generator<Buffer> {
  yield Buffer.from(
    "From: ann@example.org\r\nSubject: Large\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee attachment\r\n--b\r\nContent-Type: application/octet-stream; name=large.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n",
  );
  const bytesOfLine = 57;
  const lines = Math.floor(bytes / bytesOfLine);
  const line = Buffer.alloc(bytesOfLine);
  const linesOfPiece = 10_000;
  for (let at = 0; at < lines; at += linesOfPiece) {
    const piece: string[] = [];
    for (let index = at; index < Math.min(at + linesOfPiece, lines); index++) {
      line.fill(index % 251);
      piece.push(line.toString("base64"));
    }
    yield Buffer.from(`${piece.join("\r\n")}\r\n`);
  }
  yield Buffer.from(`${Buffer.alloc(bytes - lines * bytesOfLine, 1).toString("base64")}\r\n--b--\r\n`);
}

// Writes one large message in a process of its own, so that its memory can be told from the stand-in's.
const [baseUrl = "", token = "", address = "", size = "0"] = process.argv.slice(2);
const target = createGraphTarget({ baseUrl, token: async () => token, concurrencyPerMailbox: 4 });
const mailbox = await target.open(await target.resolve(address));
const folder = await mailbox.ensureFolder(["INBOX"], "inbox");
const outcome = await mailbox
  .write(folder.id, {
    uid: 1 as Uid,
    stamp: "large" as Stamp,
    chunkToken: "large",
    internalDate: new Date("2020-01-01T00:00:00Z"),
    flags: ["\\Seen"],
    size: Number(size),
    content: async () => Readable.from(largeMessage(Number(size))),
    timeoutMs: 300_000,
  })
  .then(
    () => ({ code: "written", message: "" }),
    (error: unknown) => {
      if (!isMigrationError(error)) throw error;
      return { code: error.code, message: error.message };
    },
  );
console.log(JSON.stringify({ ...outcome, maxResidentBytes: process.resourceUsage().maxRSS * 1024 }));
