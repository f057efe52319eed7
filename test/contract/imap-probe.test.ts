import { type AddressInfo, createServer, type Socket } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createServerProbe } from "../../shared/adapters/imap/index.ts";
import type { ProbeReport, ProbeTarget } from "../../shared/migration/ports/server-probe.ts";
import { type CertificateAuthority, createCertificateAuthority } from "../stack/certificates.ts";
import { type DovecotServer, startDovecot } from "../stack/imap-servers/dovecot.ts";
import { startScriptedImap } from "../stack/scripted-imap/server.ts";
import { type Script, startScriptedServer } from "./imap/scripted-server.ts";

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function probe(
  target: Partial<ProbeTarget> & { readonly port: number },
  { stepMs = 20_000, signal = new AbortController().signal } = {},
): Promise<ProbeReport> {
  return createServerProbe(stepMs).probe(
    {
      host: "localhost",
      addresses: ["127.0.0.1"],
      security: "ssl",
      acceptUntrustedCertificates: false,
      ...target,
    },
    signal,
  );
}

const outcomes = ({ steps }: ProbeReport) =>
  steps.map(({ step, outcome, code }) => [step, outcome, ...(code ? [code] : [])].join(" "));

/** A server that does what a test wants with each connection. */
async function listen(serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

async function serve(script: Script): Promise<number> {
  const server = await startScriptedServer(script);
  stops.push(() => server.stop());
  return server.port;
}

describe("a probe of Dovecot", () => {
  let dovecot: DovecotServer;
  beforeAll(async () => {
    dovecot = await startDovecot();
  });
  afterAll(async () => {
    await dovecot?.stop();
  });

  it("tells which certificate is not trusted, and goes on without a login", async () => {
    const report = await probe({ port: dovecot.tlsPort });
    expect(outcomes(report)).toEqual([
      "tcp ok",
      "tls ok",
      "certificate failed UntrustedCertificate",
      "greeting ok",
      "capabilities ok",
    ]);
    expect(report.certificate).toMatchObject({
      subject: "CN=localhost",
      issuer: "CN=localhost",
      names: ["localhost", "127.0.0.1"],
      fingerprint256: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
      matchesHost: true,
      trusted: false,
    });
    const { validFrom = "", validTo = "" } = report.certificate ?? {};
    expect(Date.parse(validTo) - Date.parse(validFrom)).toBe(30 * 86_400_000);
    expect(report.greeting).toMatch(/^\* OK .*Dovecot.* ready\.$/);
    expect(report.capabilities).toEqual(expect.arrayContaining(["IMAP4REV1", "AUTH=PLAIN"]));
  });

  it.each(["ssl", "tls"] as const)("only warns by %s where the endpoint accepts it", async (security) => {
    const report = await probe({
      port: security === "ssl" ? dovecot.tlsPort : dovecot.port,
      security,
      acceptUntrustedCertificates: true,
    });
    const certificate = "certificate warning UntrustedCertificate";
    expect(outcomes(report)).toEqual(
      security === "ssl"
        ? ["tcp ok", "tls ok", certificate, "greeting ok", "capabilities ok"]
        : ["tcp ok", "greeting ok", "tls ok", certificate, "capabilities ok"],
    );
    expect(report.certificate?.names).toContain("localhost");
    expect(report.capabilities).not.toContain("STARTTLS");
  });

  it("needs no certificate without TLS", async () => {
    const report = await probe({ port: dovecot.port, security: "none" });
    expect(outcomes(report)).toEqual(["tcp ok", "greeting ok", "capabilities ok"]);
    expect(report.certificate).toBeUndefined();
    expect(report.capabilities).toContain("STARTTLS");
  });

  it("connects to the addresses it is given, whatever the name stands for", async () => {
    const report = await probe({ port: dovecot.tlsPort, host: "imap.does-not-exist.invalid" });
    expect(report.certificate).toMatchObject({ matchesHost: false });
    expect(report.greeting).toContain("Dovecot");
  });

  it("asks for TLS where there is none, and for none where there is TLS", async () => {
    expect(outcomes(await probe({ port: dovecot.port, security: "ssl" }))).toEqual([
      "tcp ok",
      "tls failed TlsHandshakeFailed",
    ]);
    const silent = await probe({ port: dovecot.tlsPort, security: "none" }, { stepMs: 1_000 });
    expect(outcomes(silent)).toEqual(["tcp ok", "greeting failed ConnectionTimeout"]);
  });
});

describe("a certificate of a trusted authority", () => {
  const before = getCACertificates("default");
  let authority: CertificateAuthority;
  beforeAll(async () => {
    authority = await createCertificateAuthority();
    setDefaultCACertificates([...before, authority.certificate]);
  });
  afterAll(async () => {
    setDefaultCACertificates(before);
    await authority?.dispose();
  });

  async function probeWith(names: readonly string[], days?: number): Promise<ProbeReport> {
    const server = await startScriptedImap({ tls: await authority.issue(names, days) });
    stops.push(() => server.stop());
    return probe({ port: server.port });
  }
  const judgement = (report: ProbeReport) => outcomes(report).find((line) => line.startsWith("certificate"));

  it("is fine for its name and in its time", async () => {
    const report = await probeWith(["mail.contoso.com", "localhost"]);
    expect(judgement(report)).toBe("certificate ok");
    expect(report.certificate).toMatchObject({
      subject: "CN=mail.contoso.com",
      issuer: "CN=Test Authority",
      trusted: true,
      matchesHost: true,
    });
  });

  it("is told to be for another name", async () => {
    const report = await probeWith(["mail.contoso.com", "*.fabrikam.com"]);
    expect(judgement(report)).toBe("certificate failed HostNameMismatch");
    expect(report.certificate).toMatchObject({
      names: ["mail.contoso.com", "*.fabrikam.com"],
      trusted: true,
      matchesHost: false,
    });
  });

  it("is told to have expired", async () => {
    const report = await probeWith(["localhost"], -1);
    expect(judgement(report)).toBe("certificate failed ExpiredCertificate");
    expect(report.certificate).toMatchObject({ trusted: false, matchesHost: true });
    expect(Date.parse(report.certificate?.validTo ?? "")).toBeLessThan(Date.now());
  });
});

describe("a probe of what is no server to migrate from", () => {
  it("is refused", async () => {
    const port = await listen(() => undefined);
    await stops.pop()?.();
    const report = await probe({ port });
    expect(outcomes(report)).toEqual(["tcp failed ConnectionRefused"]);
    expect(report.steps[0]?.message).toContain(`localhost:${port}`);
  });

  it.each(["ssl", "tls"] as const)(
    "does not wait for ever by %s for one that never speaks",
    async (security) => {
      const port = await listen(() => undefined);
      const report = await probe({ port, security }, { stepMs: 300 });
      expect(outcomes(report)).toEqual([
        "tcp ok",
        security === "ssl" ? "tls failed ConnectionTimeout" : "greeting failed ConnectionTimeout",
      ]);
    },
  );

  it("ends at once when it is told to", async () => {
    const stop = new AbortController();
    const port = await listen(() => stop.abort());
    const report = await probe({ port, security: "none" }, { signal: stop.signal });
    expect(outcomes(report).at(-1)).toMatch(/^(tcp|greeting) failed ConnectionTimeout$/);
    expect(outcomes(await probe({ port, security: "none" }, { signal: stop.signal }))).toEqual([
      "tcp failed ConnectionTimeout",
    ]);
  });

  it.each([
    ["another protocol", "220 mail.contoso.com ESMTP", "greeting failed NotImapServer"],
    ["a farewell", "* BYE go away", "greeting failed ConnectionLost"],
    [
      "a farewell to an address that came too often",
      "* BYE Too many connections",
      "greeting failed ServerThrottled",
    ],
    ["somebody's open session", "* PREAUTH welcome back", "greeting failed PreauthenticatedConnection"],
  ])("tells %s", async (_, greeting, outcome) => {
    const report = await probe({ port: await serve({ greeting }), security: "none" });
    expect(outcomes(report)).toEqual(["tcp ok", outcome]);
    // What another service says is nobody's business.
    expect(report.greeting).toBe(greeting.startsWith("*") ? greeting : undefined);
  });

  it("keeps what the server says short and printable", async () => {
    const greeting = `* OK \u001b[31m${"x".repeat(500)}`;
    const report = await probe({ port: await serve({ greeting }), security: "none" });
    expect(report.greeting).toMatch(/^\* OK \?\[31mx+\.\.\.$/);
    expect(report.greeting).toHaveLength(200);
  });

  it("does not read without end", async () => {
    const flood = (text: string) => (socket: Socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write(text));
      };
      socket.on("drain", more);
      more();
    };
    const endlessLine = await listen(flood("x".repeat(65_536)));
    expect(outcomes(await probe({ port: endlessLine, security: "none" }))).toEqual([
      "tcp ok",
      "greeting failed ResponseTooLarge",
    ]);
    const endlessLines = await listen(flood("* OK hello\r\n"));
    expect(outcomes(await probe({ port: endlessLines, security: "none" })).at(-1)).toMatch(
      /^capabilities failed (ResponseTooLarge|NotImapServer)$/,
    );
  });

  it("refuses what was slipped in before TLS", async () => {
    const port = await serve({
      capabilities: "STARTTLS",
      on: ({ tag, command, socket }) => {
        if (command !== "STARTTLS") return false;
        socket.write(`${tag} OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=EVIL\r\n`);
        return true;
      },
    });
    expect(outcomes(await probe({ port, security: "tls" })).at(-1)).toBe("tls failed TlsHandshakeFailed");
  });

  it.each([
    ["no STARTTLS", "tls", "NAMESPACE", "tls failed StartTlsUnsupported"],
    ["no login without TLS", "none", "STARTTLS LOGINDISABLED", "capabilities failed EncryptionRequired"],
  ] as const)("tells that there is %s", async (_, security, capabilities, outcome) => {
    const report = await probe({ port: await serve({ capabilities }), security });
    expect(outcomes(report).at(-1)).toBe(outcome);
  });
});
