import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
/** RSA, since Entra takes nothing else from an application. */
const newKey = ["-newkey", "rsa:2048", "-nodes"];

/** PEM files of a server. */
export interface ServerCertificate {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Both in one. */
  readonly pairFile: string;
}

/** An authority of a test's own, which nobody trusts unless told to. */
export interface CertificateAuthority {
  /** PEM. */
  readonly certificate: string;
  readonly certificateFile: string;
  /** @param days that the certificate is valid from now; a negative number gives an expired one. */
  issue(names: readonly string[], days?: number): Promise<ServerCertificate>;
  dispose(): Promise<void>;
}

/** Makes an authority with openssl, which must be installed. */
export async function createCertificateAuthority(): Promise<CertificateAuthority> {
  const directory = await mkdtemp(join(tmpdir(), "authority-"));
  const path = (name: string) => join(directory, name);
  const authority = ["-CA", path("ca.pem"), "-CAkey", path("ca.key")];
  await run("openssl", [
    ...["req", "-x509", ...newKey, "-days", "2", "-subj", "/CN=Test Authority"],
    ...["-keyout", path("ca.key"), "-out", path("ca.pem")],
  ]);
  let issued = 0;
  return {
    certificate: await readFile(path("ca.pem"), "utf8"),
    certificateFile: path("ca.pem"),
    async issue(names, days = 2) {
      const name = `server-${++issued}`;
      const [request, certificateFile, keyFile] = [
        path(`${name}.csr`),
        path(`${name}.pem`),
        path(`${name}.key`),
      ];
      const alternatives = names.map((dnsName) => `DNS:${dnsName}`).join(",");
      await run("openssl", [
        ...["req", "-new", ...newKey, "-subj", `/CN=${names[0]}`],
        ...["-addext", `subjectAltName=${alternatives}`, "-keyout", keyFile, "-out", request],
      ]);
      await run("openssl", [
        ...["x509", "-req", "-in", request, ...authority, "-copy_extensions", "copy"],
        ...["-days", String(days), "-out", certificateFile],
      ]);
      const pairFile = path(`${name}-pair.pem`);
      await writeFile(pairFile, [await readFile(keyFile), await readFile(certificateFile)].join("\n"));
      return { certificateFile, keyFile, pairFile };
    },
    dispose: () => rm(directory, { recursive: true, force: true }),
  };
}
