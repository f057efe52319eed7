import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { TableClient } from "@azure/data-tables";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RouteName, routes } from "../../shared/domain/api/routes.ts";
import { exercised } from "../stack/api-contract.ts";
import { type Deployment, startDeployment } from "../stack/deployment.ts";

interface Page {
  readonly value: readonly { readonly id: string; readonly emailAddress: string; readonly status: string }[];
  readonly nextLink: string | null;
}

const principal = (role: string) =>
  Buffer.from(JSON.stringify({ claims: [{ typ: "roles", val: role }] })).toString("base64");
/** What the platform sets there, and what the app accepts only elsewhere set otherwise. */
const azure = { WEBSITE_SITE_NAME: "func-mail", GRAPH_BASE_URL: "https://graph.microsoft.com" };
const users = ["ann", "ben", "cas"].map((name) => ({
  emailAddress: `${name}@contoso.example`,
  userName: name,
  password: "secret",
}));
/** What the app knows of domains, as after a month without their batches. */
async function forgetDomains(connectionString: string): Promise<void> {
  const table = TableClient.fromConnectionString(connectionString, "domains", {
    allowInsecureConnection: true,
  });
  for await (const { partitionKey = "", rowKey = "" } of table.listEntities())
    await table.deleteEntity(partitionKey, rowKey);
}

const codeOf = (body: unknown) => (body as { error: { code: string } }).error.code;

describe("in Azure", () => {
  let deployment: Deployment;

  beforeAll(async () => {
    deployment = await startDeployment({
      settings: { ...azure, WEBSITE_AUTH_ENABLED: "True" },
      unhealthy: true,
    });
  });
  afterAll(async () => deployment?.stop());

  async function call(method: string, path: string, role?: string): Promise<unknown[]> {
    const headers: Record<string, string> = {
      "x-requested-with": "imap-to-m365",
      ...(role ? { "x-ms-client-principal": principal(role) } : {}),
    };
    const response = await fetch(`${deployment.app.url}/api/${path}`, { method, headers });
    const body: unknown = await response.json();
    return response.ok ? [response.status] : [response.status, codeOf(body)];
  }

  it("an endpoint on this machine, its link or the platform is connected to by nobody", async () => {
    for (const host of [
      "127.0.0.1",
      "localhost",
      "169.254.169.254",
      "168.63.129.16",
      "::1",
      "::ffff:127.0.0.1",
    ]) {
      await deployment.putEndpoint("inside", { host });
      const response = await fetch(`${deployment.app.url}/api/endpoints/inside/test`, {
        method: "POST",
        headers: {
          "x-ms-client-principal": principal("Migration.Operate"),
          "x-requested-with": "imap-to-m365",
        },
      });
      const { steps } = (await response.json()) as {
        steps: { step: string; outcome: string; code: string }[];
      };
      expect(steps, host).toMatchObject([{ step: "dns", outcome: "failed", code: "AddressNotPermitted" }]);
    }
  });

  it("the health is anybody's as a yes or no, and in detail only of who may read", async () => {
    const bare = await fetch(`${deployment.app.url}/api/health`);
    // Nothing here leads to Graph.
    expect([bare.status, await bare.text()]).toEqual([503, ""]);
    expect(await call("GET", "health/details")).toEqual([401, "SignInRequired"]);
    expect(await call("GET", "health/details", "Nobody")).toEqual([403, "RoleRequired"]);
    expect(await call("GET", "health/details", "Migration.Read")).toEqual([200]);
  });

  it("a page of another site changes nothing with the session of an operator", async () => {
    const headers = {
      "x-ms-client-principal": principal("Migration.Operate"),
      "sec-fetch-site": "cross-site",
    };
    for (const [method, path] of [
      ["DELETE", "batches/nothing?force=true"],
      ["PUT", "endpoints/other"],
      ["POST", "batches/nothing/start"],
    ]) {
      const response = await fetch(`${deployment.app.url}/api/${path}`, { method: method ?? "", headers });
      expect([response.status, codeOf(await response.json())]).toEqual([403, "CrossSiteRequest"]);
    }
    expect((await fetch(`${deployment.app.url}/api/batches`, { headers })).status).toBe(200);
  });

  it("a reader only reads, an operator does all, and nobody gets in without signing in", async () => {
    for (const path of ["batches", "endpoints", "openapi.json"]) {
      expect(await call("GET", path)).toEqual([401, "SignInRequired"]);
      expect(await call("GET", path, "Migration.Read")).toEqual([200]);
      expect(await call("GET", path, "Migration.Operate")).toEqual([200]);
    }
    const changes = [
      ["POST", "batches/one/stop", "BatchNotFound"],
      ["DELETE", "batches/one", "BatchNotFound"],
      [
        "POST",
        `batches/one/mailboxes/${"0".repeat(32)}/folders/${"0".repeat(16)}/recreate`,
        "FolderNotFound",
      ],
      ["DELETE", "endpoints/one", "EndpointNotFound"],
      ["POST", "endpoints/one/test", "EndpointNotFound"],
    ] as const;
    for (const [method, path, code] of changes) {
      expect(await call(method, path)).toEqual([401, "SignInRequired"]);
      expect(await call(method, path, "Migration.Read")).toEqual([403, "RoleRequired"]);
      expect(await call(method, path, "Migration.Operate")).toEqual([404, code]);
    }
    expect(await call("PUT", "endpoints/one", "Migration.Read")).toEqual([403, "RoleRequired"]);
    expect(await call("GET", "discover?domain=contoso.example", "Migration.Read")).toEqual([
      403,
      "RoleRequired",
    ]);
  });
});

describe("on this machine", () => {
  let deployment: Deployment;

  beforeAll(async () => {
    deployment = await startDeployment();
    await deployment.putEndpoint("old", { host: "127.0.0.1", port: 1 });
    await deployment.upload("old", "pilot", users, { autoStart: false });
    while ((await deployment.mailboxes("pilot")).length < users.length) await sleep(250);
  });
  afterAll(async () => deployment?.stop());

  async function page(path: string): Promise<Page> {
    const { status, body } = await deployment.request("GET", path);
    expect(status).toBe(200);
    return body as Page;
  }

  it("mailboxes are listed page by page, by status, and one by one", async () => {
    const first = await page("batches/pilot/mailboxes?$top=2");
    expect(first.value).toHaveLength(2);
    const rest = (await (await fetch(first.nextLink ?? "")).json()) as Page;
    expect(rest.nextLink).toBeNull();
    const all = [...first.value, ...rest.value];
    expect(all.map(({ emailAddress }) => emailAddress).sort()).toEqual(
      users.map(({ emailAddress }) => emailAddress),
    );
    expect((await page("batches/pilot/mailboxes?status=Created")).value).toHaveLength(3);
    expect((await page("batches/pilot/mailboxes?status=Synced")).value).toEqual([]);

    expect(first).toMatchObject({ count: 3, facets: { status: { Created: 3 } }, asOf: expect.any(String) });
    const found = await page(
      `batches/pilot/mailboxes?$search=${users[1]?.userName}&$orderby=emailAddress desc`,
    );
    expect(found.value.map(({ emailAddress }) => emailAddress)).toEqual([users[1]?.emailAddress]);
    const url = `${deployment.app.url}/api/batches/pilot/mailboxes`;
    const etag = (await fetch(url)).headers.get("etag") ?? "";
    expect((await fetch(url, { headers: { "if-none-match": etag } })).status).toBe(304);

    const [some] = all;
    const one = await deployment.request("GET", `batches/pilot/mailboxes/${some?.id}`);
    expect(one).toMatchObject({ status: 200, body: { ...some, folders: [] } });
    const none = await deployment.request(
      "GET",
      `batches/pilot/mailboxes/${"0".repeat(some?.id.length ?? 1)}`,
    );
    expect([none.status, codeOf(none.body)]).toEqual([404, "MailboxNotFound"]);
  });

  it("nobody is believed to have signed in", async () => {
    const headers = { "x-ms-client-principal": principal("Migration.Operate") };
    for (const path of ["batches", "health/details"]) {
      const response = await fetch(`${deployment.app.url}/api/${path}`, { headers });
      expect([response.status, codeOf(await response.json())]).toEqual([503, "SignInOff"]);
    }
  });

  it("a CSV is checked without being stored, and options and CSV are taken over HTTP", async () => {
    const send = async (method: string, path: string, body: string) => {
      const response = await fetch(`${deployment.app.url}/api/uploads/${path}`, { method, body });
      const text = await response.text();
      return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
    };
    const csv =
      "EmailAddress,UserName,Password\r\ndee@contoso.example,dee,Geheim#1\r\nno address,eve,Geheim#2\r\n";
    const checked = await send("POST", "old/Sent.csv?validateOnly=true", csv);
    expect(checked).toEqual({
      status: 200,
      body: {
        accepted: true,
        validRowCount: 1,
        invalidRowCount: 1,
        issueCount: 1,
        issues: [expect.objectContaining({ line: 3, column: "EmailAddress", code: "AddressInvalid" })],
      },
    });
    expect(JSON.stringify(checked)).not.toMatch(/Geheim|no address/);
    expect((await deployment.request("GET", "batches/sent")).status).toBe(404);
    expect(await send("POST", "not-there/sent.csv?validateOnly=true", csv)).toMatchObject({
      body: { accepted: false, issues: [{ code: "EndpointNotFound" }] },
    });
    expect(
      await send("POST", "not-there/sent.csv?validateOnly=true&authentication=password", csv),
    ).toMatchObject({ status: 200, body: checked.body as object });
    expect(await send("POST", "old/sent.csv?validateOnly=true", "Name\n")).toMatchObject({
      body: {
        accepted: false,
        validRowCount: 0,
        issues: expect.arrayContaining([expect.objectContaining({ code: "HeaderMissing" })]),
      },
    });
    for (const [method, path, body, status, code] of [
      ["POST", "old/sent.csv", csv, 400, "BadRequest"],
      ["PUT", "old/a b.csv", csv, 400, "FileNameInvalid"],
      ["PUT", "old/sent.xlsx", csv, 400, "FileNameInvalid"],
      ["PUT", "missing/sent.csv", csv, 409, "EndpointNotFound"],
      ["PUT", "old/sent.json", '{"autoStrat":true}', 400, "BatchOptionsInvalid"],
      ["PUT", "old/sent.csv", "x".repeat(10 * 1024 * 1024 + 1), 413, "BodyTooLarge"],
    ] as const) {
      const answer = await send(method, path, body);
      expect([answer.status, codeOf(answer.body)], path).toEqual([status, code]);
    }
    expect(await send("PUT", "old/Sent.json", '{"autoStart":false}')).toEqual({ status: 202 });
    expect(await send("PUT", "old/Sent.csv", csv)).toEqual({ status: 202 });
    while ((await deployment.batch("sent")) === undefined) await sleep(500);
    while (true) {
      const { value } = (await deployment.request("GET", "batches/sent/reports")).body as { value: object[] };
      if (value.length > 0) break;
      await sleep(500);
    }
    expect(await deployment.batch("sent")).toMatchObject({ name: "Sent", status: "Created", totalCount: 1 });
    const report = await fetch(`${deployment.app.url}/api/batches/sent/reports/validation.csv`);
    expect(report.headers.get("content-disposition")).toBe('attachment; filename="sent-validation.csv"');
    expect(report.headers.get("cache-control")).toBe("no-store");
    expect(await report.text()).toContain("AddressInvalid");
    for (const [path, code] of [
      ["batches/sent/reports/verification", "ReportNotFound"],
      ["batches/nothing/reports", "BatchNotFound"],
      ["batches/sent/reports/..%2Fother", "BadRequest"],
    ]) {
      const answer = await deployment.request("GET", path ?? "");
      expect([path, codeOf(answer.body)]).toEqual([path, code]);
    }
    expect(await deployment.request("GET", "me")).toEqual({
      status: 200,
      body: { id: "local", name: null, mayOperate: true },
    });
  });

  /** A request with a body in JSON. */
  async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(`${deployment.app.url}/api/${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer: unknown = text === "" ? undefined : JSON.parse(text);
    return { status: response.status, headers: response.headers, body: answer };
  }

  /** Status of an answer, and its code where it is an error. */
  async function outcomeOf(...request: Parameters<typeof send>) {
    const { status, body } = await send(...request);
    return status < 400 ? [status] : [status, codeOf(body)];
  }

  it("options are changed by who knows which there are, and the history says who did it", async () => {
    const optionsOf = async () => {
      const { options, optionsETag } = (await send("GET", "batches/sent")).body as {
        options: Record<string, unknown>;
        optionsETag: string;
      };
      return { options, etag: optionsETag };
    };
    const { etag } = await optionsOf();
    const change = { skippedItemLimit: 5 };
    expect(await outcomeOf("PATCH", "batches/sent", change)).toEqual([428, "OptionsUnconditional"]);
    expect(await outcomeOf("PATCH", "batches/sent", change, { "if-match": '"other"' })).toEqual([
      412,
      "OptionsChanged",
    ]);
    const misspelt = { skippedItmLimit: 5 };
    expect(await outcomeOf("PATCH", "batches/sent", misspelt, { "if-match": etag })).toEqual([
      400,
      "BatchOptionsInvalid",
    ]);
    expect(await outcomeOf("PATCH", "batches/nothing", change, { "if-match": etag })).toEqual([
      404,
      "BatchNotFound",
    ]);
    expect(await send("PATCH", "batches/sent", change, { "if-match": etag })).toMatchObject({
      status: 200,
      body: { options: { skippedItemLimit: 5, autoStart: false } },
    });
    // The version that it was made of is gone.
    expect(await outcomeOf("PATCH", "batches/sent", change, { "if-match": etag })).toEqual([
      412,
      "OptionsChanged",
    ]);
    const reset = { skippedItemLimit: null };
    expect(await outcomeOf("PATCH", "batches/sent", reset, { "if-match": (await optionsOf()).etag })).toEqual(
      [200],
    );
    expect((await optionsOf()).options).not.toHaveProperty("skippedItemLimit");
    expect((await send("GET", "batches/sent/history")).body).toMatchObject({
      value: [
        { act: "changeOptions", by: "local", changes: [{ option: "skippedItemLimit", after: "" }] },
        { act: "changeOptions", changes: [{ option: "skippedItemLimit", before: "", after: "5" }] },
      ],
    });
  });

  it("an endpoint is made, shown, replaced by who knows it, and removed; its use is told", async () => {
    const readingHours = { from: "20:00", to: "06:00", timeZone: "Europe/Berlin" };
    const settings = { host: "imap.contoso.example", maxMessagesPerSecond: 5, readingHours };
    const made = await send("PUT", "endpoints/spare", settings);
    expect(made).toMatchObject({ status: 201, body: { ...settings, port: 993 } });
    const shown = await send("GET", "endpoints/spare");
    expect(shown).toMatchObject({ status: 200, body: settings });
    expect(await outcomeOf("PUT", "endpoints/spare", { host: "other.example" })).toEqual([
      428,
      "EndpointExists",
    ]);
    const bad = { ...settings, readingHours: { ...readingHours, timeZone: "Mars/Base" } };
    expect((await send("PUT", "endpoints/spare", bad)).body).toMatchObject({
      error: { code: "EndpointInvalid", details: [{ path: "readingHours.timeZone" }] },
    });
    const match = { "if-match": shown.headers.get("etag") ?? "" };
    expect(
      await outcomeOf("PUT", "endpoints/spare", { ...settings, maxBytesPerSecond: 10_000 }, match),
    ).toEqual([200]);
    expect((await send("GET", "endpoints/spare/usage")).body).toMatchObject({
      initial: { used: 0, limit: 20 },
      incremental: { used: 0, limit: 10 },
      waitingCount: 0,
      batches: [],
      ratesFreeAt: null,
    });
    expect(await outcomeOf("GET", "endpoints/none/usage")).toEqual([404, "EndpointNotFound"]);
    expect(
      await outcomeOf("POST", "endpoints/spare/confirm", { host: "imap.contoso.example", port: 993 }),
    ).toEqual([202]);
    expect(await outcomeOf("DELETE", "endpoints/spare")).toEqual([204]);
    expect(await outcomeOf("DELETE", "endpoints/old")).toEqual([409, "EndpointInUse"]);
  });

  it("a CSV to begin with is there for every way to log in", async () => {
    const template = async (name: string) => fetch(`${deployment.app.url}/api/templates/${name}`);
    const dovecot = await template("dovecot.csv");
    expect(dovecot.headers.get("content-disposition")).toBe('attachment; filename="dovecot.csv"');
    expect(await dovecot.text()).toMatch(
      /^EmailAddress,UserName,Password\r\nalberta@contoso.com,alberta\*admin,/,
    );
    expect((await template("courier.csv")).status).toBe(200);
    expect((await template("other.csv")).status).toBe(400);
  });

  it("a mailbox is acted on by its address: started, verified, undone, forgotten and taken out", async () => {
    const dee = "dee@contoso.example";
    const path = `batches/sent/mailboxes/${dee}`;
    const mailbox = async () => {
      const { body } = await send("GET", path);
      return body as { id: string; status: string; undo: object | null; error: { code: string } | null };
    };
    const until = async (done: (now: Awaited<ReturnType<typeof mailbox>>) => boolean) => {
      for (;;) {
        const now = await mailbox();
        if (done(now)) return now;
        await sleep(200);
      }
    };
    expect(await mailbox()).toMatchObject({
      status: "Created",
      itemsPerMinute: 0,
      estimatedCompletion: null,
      noEstimate: "stopped",
      durations: { queued: 0, inProgress: 0, paused: 0, synced: 0 },
    });
    const named = { mailboxes: [dee] };
    for (const [act, body] of [
      ["undo", named],
      ["verify", named],
    ] as const)
      expect(await outcomeOf("POST", `batches/sent/${act}`, body)).toEqual([409, "BatchNotRunning"]);
    expect(await outcomeOf("POST", `${path}/start`)).toEqual([409, "BatchNotRunning"]);
    expect(await outcomeOf("POST", "batches/sent/start")).toEqual([202]);
    // Nobody of this name is in the tenant.
    await until(({ status }) => status === "Failed");
    expect((await send("GET", "batches/sent/errors")).body).toMatchObject({
      value: [{ code: "TargetMailboxNotFound", mailboxCount: 1, failedCount: 1 }],
    });
    expect(await outcomeOf("POST", `${path}/retry`)).toEqual([202]);
    expect(await outcomeOf("POST", "batches/sent/verify", { level: "counts", ...named })).toEqual([202]);
    expect(await outcomeOf("POST", "batches/sent/approve", named)).toEqual([202]);
    expect(await outcomeOf("POST", "batches/sent/undo", { mailboxes: ["nobody"] })).toEqual([
      400,
      "BadRequest",
    ]);
    expect(await outcomeOf("POST", "batches/sent/undo", named)).toEqual([202]);
    expect(await until(({ undo }) => undo !== null)).toMatchObject({
      status: "Stopped",
      undo: { forGood: false, removedCount: 0, leftCount: 0, error: null },
    });
    expect(await outcomeOf("POST", "batches/sent/forget", named)).toEqual([409, "ForgetNotAccepted"]);
    expect(await outcomeOf("POST", "batches/sent/forget", { ...named, acceptDoubles: true })).toEqual([202]);
    await until(({ undo }) => undo === null);
    for (const part of ["samples", "notices", "verification", "operations"])
      expect(await outcomeOf("GET", `batches/sent/${part}`)).toEqual([200]);
    expect((await send("GET", `${path}/skipped-items`)).body).toEqual({ value: [], nextLink: null });
    const { id } = await mailbox();
    expect(await outcomeOf("GET", `batches/sent/mailboxes/${id}`)).toEqual([200]);
    expect(await outcomeOf("POST", `${path}/folders/${"0".repeat(16)}/recreate`)).toEqual([
      404,
      "FolderNotFound",
    ]);
    expect(await outcomeOf("DELETE", path)).toEqual([202]);
    while ((await send("GET", path)).status !== 404) await sleep(200);
  });

  it("a tenant is tried, and servers are looked for, by who asks for it rightly", async () => {
    expect(await outcomeOf("POST", "target/test", {})).toEqual([400, "BadRequest"]);
    const test = await send("POST", "target/test", { mailbox: "nobody@contoso.example" });
    expect(test.status).toBe(202);
    const { id } = test.body as { id: string };
    expect(await outcomeOf("GET", `target/test/${id}`)).toEqual([200]);
    expect(await outcomeOf("GET", `target/test/${randomUUID()}`)).toEqual([404, "TargetTestNotFound"]);
    expect(await outcomeOf("GET", "discover?domain=not a domain")).toEqual([400, "BadRequest"]);
  });

  it("a batch tells where the mail of its domains goes, and a filter in front is confirmed by hand", async () => {
    const { dns } = deployment.stack;
    const route = (host: string) =>
      dns?.setRecords([
        { name: "contoso.example", type: "MX", data: { exchange: host, preference: 10 }, ttl: 7_200 },
      ]);
    const cutover = async (query = "") => {
      const answer = await deployment.request("GET", `batches/pilot/cutover${query}`);
      return answer.body as { verdict: string; domains: { checks: { check: string; verdict: string }[] }[] };
    };
    const confirm = async (body: unknown) => {
      const response = await fetch(`${deployment.app.url}/api/batches/pilot/cutover/confirm`, {
        method: "POST",
        body: JSON.stringify(body),
      });
      return [response.status, response.ok ? undefined : codeOf(await response.json())];
    };
    route("mx.contoso.example");
    const before = await cutover();
    expect(before).toMatchObject({
      verdict: "blocked",
      domains: [
        {
          domain: "contoso.example",
          mailboxes: 3,
          mx: [{ host: "mx.contoso.example", preference: 10, ttlSeconds: 7_200, isMicrosoft365: false }],
          authoritative: false,
        },
      ],
      checks: [
        { check: "mailboxes", verdict: "fails" },
        { check: "verification", verdict: "warning" },
      ],
    });
    expect(before.domains[0]?.checks).toMatchObject([
      { check: "mx", verdict: "fails", advice: "Point the MX record to Microsoft 365." },
      { check: "ttl", verdict: "warning", advice: "Lower it to 3600 s, and wait 2 h before you switch." },
    ]);
    const domain = "contoso.example";
    expect(await confirm({ domain, handsMailOn: true })).toEqual([409, "NothingToConfirm"]);
    expect(await confirm({ domain: "fabrikam.example", handsMailOn: true })).toEqual([404, "DomainNotFound"]);
    expect(await confirm({ domain })).toEqual([400, "BadRequest"]);
    // Half a minute has to pass before DNS is asked again: the store forgets instead.
    await forgetDomains(deployment.stack.settings.AzureWebJobsStorage ?? "");
    route("eu-smtp-inbound-1.mimecast.com");
    expect(await confirm({ domain, handsMailOn: true })).toEqual([204, undefined]);
    expect((await cutover()).domains).toMatchObject([
      {
        filter: "Mimecast",
        confirmed: { by: "local" },
        checks: [{ check: "mx", verdict: "warning" }, {}, {}, {}],
      },
    ]);
    expect(await confirm({ domain, handsMailOn: false })).toEqual([204, undefined]);
    expect((await cutover("?refresh=true")).domains).toMatchObject([{ confirmed: null, movedAt: null }]);
    expect((await deployment.request("GET", "batches/nothing/cutover")).status).toBe(404);
  });

  it("a batch tells why it is not synced or deleted, stops, and goes", async () => {
    const sync = await deployment.request("POST", "batches/pilot/sync");
    expect([sync.status, codeOf(sync.body)]).toEqual([409, "BatchNotRunning"]);
    const refused = await deployment.request("DELETE", "batches/pilot");
    expect([refused.status, codeOf(refused.body)]).toEqual([409, "BatchNotSafeToDelete"]);
    expect(
      (refused.body as { error: { details: { reasons: string[] } } }).error.details.reasons.length,
    ).toBeGreaterThan(0);
    const stop = await deployment.request("POST", "batches/pilot/stop");
    expect(stop).toEqual({ status: 202, body: { operation: { id: expect.any(Number), kind: "stop" } } });
    const { id } = (stop.body as { operation: { id: number } }).operation;
    const operation = async () =>
      (await deployment.request("GET", `batches/pilot/operations/${id}`)).body as { status: string };
    while ((await operation()).status !== "Finished") await sleep(200);
    expect(await operation()).toMatchObject({ kind: "stop", by: "local", passedCount: 3, changedCount: 3 });
    expect((await page("batches/pilot/operations")).value).toHaveLength(1);
    expect((await deployment.request("GET", "batches/pilot/operations/1")).status).toBe(404);
    expect((await page("batches/pilot/mailboxes?status=Stopped")).value).toHaveLength(3);
    expect((await deployment.request("POST", "batches/pilot/dance")).status).toBe(400);
    expect((await deployment.request("DELETE", "batches/pilot?force=true")).status).toBe(202);
    while ((await deployment.request("GET", "batches/pilot")).status !== 404) await sleep(200);
  });

  it("every route was asked for, and answered what is documented of it", () => {
    expect((Object.keys(routes) as RouteName[]).filter((name) => !exercised.has(name))).toEqual([]);
  });
});
