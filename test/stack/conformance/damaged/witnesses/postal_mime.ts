// Reads messages with postal-mime, the parser of Cloudflare's mail workers: JSON of every file of a directory, by name.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import PostalMime from "postal-mime";
import { digest, type Reading } from "../reading.ts";

const directory = process.argv[2] ?? "";
const readings: Record<string, Reading> = {};
for (const file of await readdir(directory)) {
  const parsed = await new PostalMime({
    attachmentEncoding: "arraybuffer",
    forceRfc822Attachments: true,
  }).parse(await readFile(join(directory, file)));
  const files: [string, string][] = [];
  for (const { filename, mimeType, content } of parsed.attachments) {
    const bytes = Buffer.from(content as ArrayBuffer);
    const attached = mimeType === "message/rfc822";
    const subject = attached ? (await new PostalMime().parse(bytes)).subject : "";
    files.push([attached ? `${subject ?? ""}.eml` : (filename ?? ""), digest(bytes)]);
  }
  readings[file.replace(/\.eml$/, "")] = {
    subject: parsed.subject ?? "",
    from: [parsed.from?.name ?? "", parsed.from?.address ?? ""],
    text: `${parsed.text ?? ""}\n${parsed.html ?? ""}`,
    files,
  };
}
console.log(JSON.stringify(readings));
