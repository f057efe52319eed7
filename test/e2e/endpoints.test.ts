import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, startDeployment } from "../stack/deployment.ts";
import { type DovecotServer, startDovecot } from "../stack/imap-servers/dovecot.ts";

interface Answer {
  readonly status: number;
  readonly etag: string | null;
  readonly body: unknown;
}

let deployment: Deployment;

beforeAll(async () => {
  deployment = await startDeployment();
});

afterAll(async () => {
  await deployment?.stop();
});

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${deployment.app.url}/api/${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    etag: response.headers.get("etag"),
    body: text === "" ? undefined : JSON.parse(text),
  };
}

const errorOf = ({ body }: Answer) =>
  (body as { error: { code: string; message: string; details?: unknown } }).error;

describe("endpoints", () => {
  it("are created, shown with defaults, replaced and deleted", async () => {
    const created = await call("PUT", "endpoints/Contoso", { host: "imap.contoso.com" });
    expect(created).toMatchObject({ status: 201, body: { host: "imap.contoso.com", port: 993 } });
    const shown = await call("GET", "endpoints/contoso");
    expect(shown).toEqual({ ...created, status: 200 });

    const replaced = await call("PUT", "endpoints/contoso", shown.body, { "if-match": shown.etag ?? "" });
    expect(replaced).toMatchObject({ status: 200, body: shown.body });
    expect(replaced.etag).not.toBe(shown.etag);
    expect(await call("GET", "endpoints")).toMatchObject({
      status: 200,
      body: { value: [{ name: "contoso", etag: replaced.etag, settings: shown.body }], nextLink: null },
    });

    expect((await call("DELETE", "endpoints/contoso")).status).toBe(204);
    expect(errorOf(await call("GET", "endpoints/contoso")).code).toBe("EndpointNotFound");
    expect((await call("DELETE", "endpoints/contoso")).status).toBe(404);
  });

  it("are never overwritten by somebody who has not seen the last change", async () => {
    const { etag: first } = await call("PUT", "endpoints/shared", { host: "one.contoso.com" });
    const blind = await call("PUT", "endpoints/shared", { host: "two.contoso.com" });
    expect([blind.status, errorOf(blind).code]).toEqual([428, "EndpointExists"]);
    const again = await call("PUT", "endpoints/shared", { host: "one.contoso.com" });
    expect([again.status, again.etag]).toEqual([200, first]);

    const two = { host: "two.contoso.com" };
    expect((await call("PUT", "endpoints/shared", two, { "if-match": first ?? "" })).status).toBe(200);
    const late = await call(
      "PUT",
      "endpoints/shared",
      { host: "three.contoso.com" },
      { "if-match": first ?? "" },
    );
    expect([late.status, errorOf(late).code]).toEqual([412, "EndpointChanged"]);
    expect((await call("DELETE", "endpoints/shared", undefined, { "if-match": first ?? "" })).status).toBe(
      412,
    );
    expect((await call("PUT", "endpoints/shared", two, { "if-match": "*" })).status).toBe(200);
    expect((await call("PUT", "endpoints/missing", two, { "if-match": "*" })).status).toBe(412);
  });

  it.each([
    ["text that is no JSON", '{ "host": ', ""],
    ["nothing", "", ""],
    ["a misspelt setting", { host: "a.contoso.com", prot: 993 }, "prot"],
    ["a setting of the wrong type", { host: "a.contoso.com", port: "993" }, "port"],
    ["plain text without consent", { host: "a.contoso.com", security: "none" }, "security"],
    ["a file that is too long", `{ "host": "a"${" ".repeat(70_000)}}`, ""],
  ])("are refused for %s", async (_, body, path) => {
    const answer = await call("PUT", "endpoints/refused", body);
    expect([answer.status, errorOf(answer).code]).toEqual([400, "EndpointInvalid"]);
    expect(errorOf(answer).details).toEqual([{ path, message: expect.stringMatching(/^.{10,}\.$/) }]);
    expect((await call("GET", "endpoints/refused")).status).toBe(404);
  });

  it("are refused under a name that no file can have", async () => {
    const answer = await call("PUT", "endpoints/not%20a%20name", { host: "a.contoso.com" });
    expect([answer.status, errorOf(answer).code]).toEqual([400, "BadRequest"]);
  });

  it("show what is wrong with a file that was uploaded, and can be mended", async () => {
    await deployment.putEndpoint("mended", { host: "a.contoso.com", securty: "ssl" });
    const broken = await call("GET", "endpoints/mended");
    expect(broken.status).toBe(409);
    expect(errorOf(broken)).toMatchObject({
      code: "EndpointInvalid",
      details: [{ path: "securty", message: expect.stringContaining('"security"') }],
    });
    const { body } = await call("GET", "endpoints");
    expect((body as { value: unknown[] }).value).toContainEqual({
      name: "mended",
      etag: broken.etag,
      issues: errorOf(broken).details,
    });
    const mended = await call(
      "PUT",
      "endpoints/mended",
      { host: "a.contoso.com" },
      { "if-match": broken.etag ?? "" },
    );
    expect(mended.status).toBe(200);
  });

  it("that change their host keep the passwords of their batches back until somebody confirms the new one", async () => {
    const row = { emailAddress: "alberta@contoso.com", userName: "alberta", password: "secret" };
    const old = await call("PUT", "endpoints/moving", { host: "old.contoso.example" });
    await deployment.upload("moving", "move", [row], { autoStart: false });
    while ((await deployment.batch("move")) === undefined) await sleep(200);
    await call("PUT", "endpoints/moving", { host: "new.contoso.example" }, { "if-match": old.etag ?? "" });
    await call("POST", "batches/move/start");
    const errorCode = async () => (await deployment.mailboxes("move"))[0]?.error?.code;
    while ((await errorCode()) !== "EndpointHostChanged") await sleep(200);

    const other = await call("POST", "endpoints/moving/confirm", { host: "old.contoso.example", port: 993 });
    expect([other.status, errorOf(other).code]).toEqual([409, "EndpointChanged"]);
    expect((await call("POST", "endpoints/moving/confirm", { host: "new.contoso.example" })).status).toBe(
      400,
    );
    expect((await call("POST", "endpoints/none/confirm", { host: "a", port: 1 })).status).toBe(404);
    const confirmed = await call("POST", "endpoints/moving/confirm", {
      host: "New.contoso.example.",
      port: 993,
    });
    expect(confirmed).toMatchObject({
      status: 202,
      body: { batches: [{ name: "move", operation: expect.any(Number) }] },
    });
    expect(await call("GET", "batches/move")).toMatchObject({
      body: {
        confirmedServer: { host: "new.contoso.example", port: 993, by: "local", at: expect.any(String) },
      },
    });
    // It goes on, and gets as far as the new name, which nobody has.
    while (!["UnknownHost", "TargetMailboxNotFound"].includes((await errorCode()) ?? "")) await sleep(200);
    await call("DELETE", "batches/move?force=true");
  });

  it("are not read where they are larger than settings are", async () => {
    const large = await call("PUT", "endpoints/large", `{ "host": "a", "x": "${"y".repeat(200_000)}" }`);
    expect([large.status, errorOf(large).code]).toEqual([413, "BodyTooLarge"]);
    const long = await call("PUT", "endpoints/large", `{ "host": "a", "x": "${"y".repeat(70_000)}" }`);
    expect([long.status, errorOf(long).code]).toEqual([400, "EndpointInvalid"]);
  });

  it("are kept while a batch uses them", async () => {
    await call("PUT", "endpoints/used", { host: "imap.contoso.com" });
    const row = { emailAddress: "alberta@contoso.com", userName: "alberta", password: "secret" };
    await deployment.upload("used", "Wave-1", [row], { autoStart: false });
    while ((await deployment.batch("wave-1")) === undefined) await sleep(200);
    const refused = await call("DELETE", "endpoints/used");
    expect(refused.status).toBe(409);
    expect(errorOf(refused)).toMatchObject({ code: "EndpointInUse", details: { batches: ["Wave-1"] } });
    expect(errorOf(refused).message).toContain("Wave-1");

    await call("DELETE", "batches/wave-1?force=true");
    while ((await deployment.batch("wave-1")) !== undefined) await sleep(200);
    expect((await call("DELETE", "endpoints/used")).status).toBe(204);
  });
});

describe("the test of an endpoint", () => {
  let server: DovecotServer;
  beforeAll(async () => {
    server = await startDovecot();
    const dovecot = { host: "localhost", port: server.tlsPort };
    await deployment.putEndpoint("untrusted", dovecot);
    await deployment.putEndpoint("accepted", { ...dovecot, acceptUntrustedCertificates: true });
    await deployment.putEndpoint("admin", {
      ...{ ...dovecot, acceptUntrustedCertificates: true },
      adminUser: server.adminUser,
    });
    await deployment.putEndpoint("starttls", {
      ...{ ...dovecot, acceptUntrustedCertificates: true },
      ...{ port: server.port, security: "tls" },
    });
    await deployment.putEndpoint("plain", {
      ...{ ...dovecot, port: server.port, security: "none", allowInsecure: true },
    });
    await deployment.putEndpoint("nowhere", { host: "imap.does-not-exist.invalid" });
    await deployment.putEndpoint("broken", { host: "localhost", securty: "ssl" });
  });
  afterAll(async () => {
    await server?.stop();
  });

  const test = (endpoint: string, user?: unknown) => call("POST", `endpoints/${endpoint}/test`, user);
  /** The steps that did not go well, with their codes. */
  const flaws = ({ body }: Answer) =>
    (body as { steps: { step: string; outcome: string; code?: string }[] }).steps
      .filter(({ outcome }) => outcome !== "ok")
      .map(({ step, outcome, code }) => `${step} ${outcome} ${code}`);

  it.each(["accepted", "starttls", "plain"])("passes over every kind of connection: %s", async (endpoint) => {
    const user = { userName: server.userName(1), password: server.password };
    const answer = await test(endpoint, user);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        name: endpoint,
        ok: true,
        folders: { count: expect.any(Number), messages: 0 },
        dialect: {
          software: "Dovecot",
          extensions: { CONDSTORE: "works", "X-GM-EXT-1": "missing" },
          adminForm: "UserName user*admin",
        },
      },
    });
    const { steps, folders } = answer.body as {
      steps: { step: string; message: string; durationMs: number }[];
      folders: { count: number; value: object[] };
    };
    expect(folders.value).toContainEqual({
      segments: ["INBOX"],
      specialUse: "inbox",
      subscribed: expect.any(Boolean),
      onRequest: false,
      messages: 0,
    });
    expect(steps.map(({ step }) => step).sort()).toEqual(
      ["capabilities", "dialect", "dns", "folders", "greeting", "login", "tcp"]
        .concat(endpoint === "plain" ? [] : ["certificate", "tls"])
        .sort(),
    );
    expect(folders.count).toBeGreaterThanOrEqual(4);
    for (const { message, durationMs } of steps) {
      expect(message).toMatch(/^\S.+\.$/);
      expect(durationMs).toBeGreaterThanOrEqual(0);
    }
  });

  it("names the certificate that it does not trust, and does not log in there", async () => {
    const answer = await test("untrusted", { userName: server.userName(1), password: "canary-password" });
    expect(answer).toMatchObject({
      status: 200,
      body: { ok: false, certificate: { subject: "CN=localhost", names: ["localhost", "127.0.0.1"] } },
    });
    expect(flaws(answer)).toEqual(["certificate failed UntrustedCertificate"]);
    expect(JSON.stringify(answer.body)).not.toContain('"login"');
  });

  it("judges a login as a migration would, and tells nobody the password", async () => {
    const login = async (endpoint: string, userName: string, password: string) => {
      const answer = await test(endpoint, { userName, password });
      expect(answer.status).toBe(200);
      expect(JSON.stringify(answer.body)).not.toContain(password);
      return flaws(answer).filter((flaw) => !flaw.startsWith("certificate"));
    };
    const user = server.userName(1);
    expect(await login("accepted", user, "canary-password")).toEqual(["login failed AuthenticationFailed"]);
    expect(await login("accepted", `${user}*${server.adminUser}`, server.adminPassword)).toEqual([]);
    expect(await login("admin", user, server.adminPassword)).toEqual([]);
    expect(await login("admin", server.adminUser, server.adminPassword)).toEqual([
      "login failed AdminMailboxRefused",
    ]);
    expect(JSON.stringify(deployment.log)).not.toMatch(/canary-password/);
  });

  it("looks from outside where no user is given", async () => {
    const answer = await test("accepted");
    expect(answer).toMatchObject({
      body: { ok: true, capabilities: expect.arrayContaining(["AUTH=PLAIN"]) },
    });
    expect(answer.body).not.toHaveProperty("folders");
    const nowhere = await test("nowhere");
    expect(nowhere).toMatchObject({ status: 200, body: { ok: false } });
    expect(flaws(nowhere)).toEqual([expect.stringMatching(/^dns failed (UnknownHost|DnsUnavailable)$/)]);
  });

  it.each([
    ["an endpoint that is missing", "missing", undefined, 404, "EndpointNotFound"],
    ["an endpoint that is wrong", "broken", undefined, 409, "EndpointInvalid"],
    ["a body that is no JSON", "accepted", "canary-password", 400, "BadRequest"],
    ["a body with other keys", "accepted", { user: "x", password: "canary-password" }, 400, "BadRequest"],
    ["a user without a password", "accepted", { userName: "x" }, 400, "BadRequest"],
  ])("is refused for %s", async (_, endpoint, body, status, code) => {
    const answer = await test(endpoint, body);
    expect([answer.status, errorOf(answer).code]).toEqual([status, code]);
    expect(JSON.stringify(answer.body)).not.toContain("canary-password");
  });
});

describe("discovery", () => {
  it("answers for a domain that has nothing", async () => {
    const answer = await call("GET", "discover?domain=Contoso.invalid.");
    expect(answer).toMatchObject({
      status: 200,
      body: { domain: "contoso.invalid", value: [], nextLink: null, notes: expect.any(Array) },
    });
  });

  it.each(["", "?domain=", "?domain=localhost", "?domain=127.0.0.1", "?domain=alberta@contoso.com"])(
    "is refused without a domain: %j",
    async (query) => {
      const answer = await call("GET", `discover${query}`);
      expect([answer.status, errorOf(answer).code]).toEqual([400, "BadRequest"]);
      expect(errorOf(answer).details).toEqual([
        { path: "domain", message: expect.stringContaining("contoso.com") },
      ]);
    },
  );
});
