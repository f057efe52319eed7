import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { VerificationProgress, VerificationStore } from "../../migration/ports/verification-store.ts";
import type { Container } from "./container.ts";

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Of the files that this build writes; any other one is as if there were none. */
const formatVersion = 1;

/** Verifications as `verification/{batch}/{mailbox}.json.gz`. */
export function createVerificationStore(container: Container): VerificationStore {
  const nameOf = (batch: string, mailbox: string) => `verification/${batch}/${mailbox}.json.gz`;
  return {
    async read(batch, mailbox) {
      const blob = await container.readBytes(nameOf(batch, mailbox));
      if (blob === undefined) return undefined;
      const text = (await decompress(blob.bytes)).toString("utf8");
      const { formatVersion: version, ...progress } = JSON.parse(text) as VerificationProgress & {
        readonly formatVersion: number;
      };
      return version === formatVersion ? progress : undefined;
    },
    async write(batch, mailbox, progress) {
      const bytes = await compress(JSON.stringify({ formatVersion, ...progress }), { level: 1 });
      await container.writeBytes(nameOf(batch, mailbox), "application/gzip", bytes);
    },
    async deleteAll(batch) {
      for await (const { name } of container.list(`verification/${batch}/`)) await container.remove(name);
    },
  };
}
