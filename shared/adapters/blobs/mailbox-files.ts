import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { MailboxFiles } from "../../migration/ports/mailbox-files.ts";
import type { Container } from "./container.ts";

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Of the files that this build writes; any other one is as if there were none. */
const formatVersion = 1;

/** Files as `{kind}/{batch}/{mailbox}.json.gz`. */
export function createMailboxFiles<Content>(container: Container, kind: string): MailboxFiles<Content> {
  const nameOf = (batch: string, mailbox: string) => `${kind}/${batch}/${mailbox}.json.gz`;
  return {
    async read(batch, mailbox) {
      const blob = await container.readBytes(nameOf(batch, mailbox));
      if (blob === undefined) return undefined;
      const stored = JSON.parse((await decompress(blob.bytes)).toString("utf8")) as {
        readonly formatVersion: number;
        readonly content: Content;
      };
      return stored.formatVersion === formatVersion ? stored.content : undefined;
    },
    async write(batch, mailbox, content) {
      const bytes = await compress(JSON.stringify({ formatVersion, content }), { level: 1 });
      await container.writeBytes(nameOf(batch, mailbox), "application/gzip", bytes);
    },
    async deleteAll(batch) {
      for await (const { name } of container.list(`${kind}/${batch}/`)) await container.remove(name);
    },
  };
}
