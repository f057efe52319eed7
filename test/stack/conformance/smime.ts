import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export type SmimeKind = "clearSigned" | "opaqueSigned" | "encrypted";

/** A key and certificate of one user, and what openssl makes and checks with them. */
export interface SmimeUser {
  /** Signs or encrypts an entity; the result is the MIME entity with its header. */
  protect(kind: SmimeKind, entity: Buffer): Promise<Buffer>;
  /** What openssl reads out of a message it accepts. @throws where the signature is wrong or it cannot be decrypted. */
  open(kind: SmimeKind, message: Buffer): Promise<Buffer>;
  dispose(): Promise<void>;
}

/** Makes a user with openssl, which must be installed. */
export async function createSmimeUser(address: string): Promise<SmimeUser> {
  const directory = await mkdtemp(join(tmpdir(), "smime-"));
  const path = (name: string) => join(directory, name);
  const [key, certificate] = [path("key.pem"), path("certificate.pem")];
  const name = `/CN=${address}/emailAddress=${address}`;
  await run("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", name],
    ...["-addext", `subjectAltName=email:${address}`, "-addext", "keyUsage=digitalSignature,keyEncipherment"],
    ...["-keyout", key, "-out", certificate],
  ]);
  const smime = async (input: Buffer, ...options: readonly string[]): Promise<Buffer> => {
    const [from, to] = [path("input"), path("output")];
    await writeFile(from, input);
    await run("openssl", ["cms", ...options, "-in", from, "-out", to]);
    return readFile(to);
  };
  const signer = ["-signer", certificate];
  return {
    protect(kind, entity) {
      if (kind === "encrypted") return smime(entity, "-encrypt", "-binary", "-aes256", "-recip", certificate);
      const sign = ["-sign", "-binary", ...signer, "-inkey", key];
      return smime(entity, ...sign, ...(kind === "opaqueSigned" ? ["-nodetach"] : []));
    },
    open(kind, message) {
      if (kind === "encrypted") return smime(message, "-decrypt", "-recip", certificate, "-inkey", key);
      return smime(message, "-verify", "-CAfile", certificate);
    },
    dispose: () => rm(directory, { recursive: true, force: true }),
  };
}
