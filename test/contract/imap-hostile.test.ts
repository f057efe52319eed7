import { afterEach, describe, expect, test } from "vitest";
import { createImapSource, createServerProbe, type Timeouts } from "../../shared/adapters/imap/index.ts";
import { endpointSchema } from "../../shared/domain/endpoint.ts";
import { createCertificateAuthority } from "../stack/certificates.ts";
import { hostileCases } from "../stack/hostile-imap/cases.ts";
import { type HostileBehaviour, type HostileServer, startHostileImap } from "../stack/hostile-imap/server.ts";
import { type VisitResult, visitSource } from "../stack/hostile-imap/visit.ts";
import { startScriptedImap } from "../stack/scripted-imap/server.ts";

const MEGABYTE = 1024 * 1024;
/** What a server may get rid of: the largest answer that is accepted, and what fits in the buffers of two sockets. */
const mostBytes = 32 * MEGABYTE + 16 * MEGABYTE;
/** More than a visit has commands, whatever it is told. */
const mostCommands = 100;

let server: HostileServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function visit(behaviour: HostileBehaviour, timeouts: Partial<Timeouts> = {}): Promise<VisitResult> {
  server = await startHostileImap(behaviour);
  return visitSource(server.port, timeouts);
}

describe("a server that is out to exhaust whoever connects", () => {
  const quick = hostileCases().filter(({ slow }) => slow !== true);
  test.each(quick)("$name", async ({ ends, ...behaviour }) => {
    const { error, stage } = await visit(behaviour);
    expect(error?.code ?? stage).toBe(ends ?? "end");
    expect(server?.bytesSent).toBeLessThan(mostBytes);
    expect(server?.commands.length).toBeLessThan(mostCommands);
  });

  const slow = hostileCases(20).filter((one) => one.slow === true);
  test.each(slow)("$name", async ({ ends, ...behaviour }) => {
    const { error } = await visit(behaviour, {
      loginMs: 800,
      commandMs: 800,
      stallMs: 800,
      transferMs: 2_000,
      listingMs: 2_000,
    });
    expect(error).toMatchObject({ kind: "transient", code: ends });
  });
});

test("an honest server is served to the end", async () => {
  expect(await visit({})).toMatchObject({ stage: "end", error: undefined, folders: 1, uids: 10 });
});

test("a server that is slow, and not too slow, is served to the end", async () => {
  const pause = { pause: 150 };
  const result = await visit(
    {
      answer: ({ tag, verb }) =>
        verb === "EXAMINE"
          ? [
              pause,
              "* 10 EXISTS\r\n",
              pause,
              "* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT 11] ok\r\n",
              pause,
              `${tag} OK done\r\n`,
            ]
          : undefined,
    },
    // Longer silent than a FETCH may be, and shorter than a command.
    { stallMs: 100, commandMs: 5_000 },
  );
  expect(result).toMatchObject({ stage: "end", error: undefined });
});

test.each([
  ["another protocol", "220 mail.example.com ESMTP\r\n"],
  ["POP3", "+OK ready\r\n"],
  ["HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n"],
])("a greeting of %s says what the test of the endpoint says", async (_, greeting) => {
  const { error } = await visit({ greeting: () => [greeting] });
  expect(error).toMatchObject({ kind: "transient", code: "NotImapServer" });
});

test("TLS of an old version is named as such, by a migration and by the test of the endpoint", async () => {
  const authority = await createCertificateAuthority();
  const files = await authority.issue(["localhost"]);
  const old = await startScriptedImap({ tls: { ...files, newest: "TLSv1.1" } });
  try {
    const endpoint = endpointSchema.parse({ host: "localhost", port: old.port });
    const login = { endpoint, userName: "alice", password: "secret" };
    await expect(createImapSource().open(login)).rejects.toMatchObject({
      kind: "transient",
      code: "TlsVersionTooOld",
      message: expect.stringContaining("no TLS version from 1.2 on"),
    });
    const { steps } = await createServerProbe().probe(
      { ...endpoint, addresses: ["127.0.0.1"] },
      new AbortController().signal,
    );
    expect(steps.at(-1)).toMatchObject({ step: "tls", outcome: "failed", code: "TlsVersionTooOld" });
  } finally {
    await old.stop();
    await authority.dispose();
  }
});
