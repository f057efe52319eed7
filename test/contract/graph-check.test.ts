import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { advice } from "../../shared/adapters/graph/check/advice.ts";
import { createGraphCheck } from "../../shared/adapters/graph/check/check.ts";
import { type CheckSizes, usualSizes } from "../../shared/adapters/graph/check/sizes.ts";
import type { CheckRequest, CheckStep } from "../../shared/migration/ports/target-check.ts";
import { type Fault, graphError, type Refusal, startFaultyGraph } from "../stack/faulty-graph.ts";
import { type GraphOptions, type GraphStandIn, startGraph } from "../stack/graph/index.ts";

const mailbox = "pilot@contoso.com";
const outside = "outside@contoso.com";
const alias = "other.name@contoso.com";
const megabyte = 1024 * 1024;

/** A token as Entra makes them, signed by nobody. */
function tokenWith(...roles: readonly string[]): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ roles })}.`;
}
const everyRole = ["User.Read.All", "Mail.ReadWrite", "Mail-Advanced.ReadWrite.All", "Mail.Send"];

interface Planted {
  readonly graph?: GraphOptions;
  /** None when absent: most faults show without. */
  readonly sizes?: CheckSizes;
  readonly token?: string;
  readonly refuse?: Refusal;
  readonly alter?: Fault;
  readonly request?: Partial<CheckRequest>;
  /** True where the mailbox outside the group is within reach. */
  readonly reachesOutside?: boolean;
  readonly mailbox?: { readonly hasMailbox?: boolean; readonly quotaBytes?: number };
}

async function check(
  planted: Planted = {},
): Promise<{ readonly steps: readonly CheckStep[]; readonly graph: GraphStandIn }> {
  const token = planted.token ?? tokenWith(...everyRole);
  const graph = await startGraph({
    token,
    maxMessageBytes: 60 * megabyte,
    sensitiveUpdates: { permitted: true },
    ...planted.graph,
  });
  graph.addMailbox({ userPrincipalName: mailbox, proxyAddresses: [alias], ...planted.mailbox });
  graph.addMailbox({ userPrincipalName: outside });
  const scope: Refusal = ({ path }) =>
    path.includes(`/users/${graph.mailbox(outside).id}/`) ? graphError(403, "ErrorAccessDenied") : undefined;
  const faulty = await startFaultyGraph(graph.baseUrl, {
    refuse: (request) =>
      planted.refuse?.(request) ?? (planted.reachesOutside === true ? undefined : scope(request)),
    ...(planted.alter === undefined ? {} : { alter: planted.alter }),
  });
  const steps: CheckStep[] = [];
  try {
    await createGraphCheck({
      baseUrl: faulty.baseUrl,
      token: async () => token,
      concurrencyPerMailbox: 4,
      sizes: planted.sizes ?? { attachments: [] },
    }).check({ mailbox, alias, ...planted.request, outside }, async (step) => void steps.push(step));
    return { steps, graph };
  } finally {
    await faulty.stop();
    await graph.close();
  }
}

/** A property of every message that is read back, changed on its way. */
function changed(properties: Record<string, unknown>): Fault {
  return ({ method, path, status, body }) =>
    method === "GET" && /\/messages\/[^/?]+\?\$select=isDraft/.test(path) && status === 200
      ? { status, body: { ...body, ...properties } }
      : undefined;
}

const onMessages = /\/mailFolders\/[^/]+\/messages/;
const red: readonly (readonly [fault: string, planted: Planted, step: string, remedy: string])[] = [
  ["no role", { token: tokenWith("Mail.ReadWrite") }, "token", advice.roleMissing],
  [
    "a token that is refused",
    { refuse: () => graphError(401, "InvalidAuthenticationToken") },
    "users",
    advice.tokenRefused,
  ],
  [
    "users that may not be read",
    {
      refuse: ({ path }) =>
        /\/users(?:\?|$)/.test(path) ? graphError(403, "Authorization_RequestDenied") : undefined,
    },
    "users",
    advice.usersUnreadable,
  ],
  ["an unknown address", { request: { mailbox: "nobody@contoso.com" } }, "address", advice.noLicence],
  ["an alias of somebody else", { request: { alias: outside } }, "alias", advice.otherUser],
  ["no licence", { mailbox: { hasMailbox: false } }, "mailbox", advice.noLicence],
  [
    "the wrong group",
    {
      refuse: ({ path }) =>
        path.includes("/mailFolders/inbox") ? graphError(403, "ErrorAccessDenied") : undefined,
    },
    "mailbox",
    advice.notReached,
  ],
  ["a permission for the whole tenant", { reachesOutside: true }, "outside", advice.tooFar],
  [
    "folders that may not be made",
    {
      refuse: ({ method, path }) =>
        method === "POST" && path.endsWith("/childFolders")
          ? graphError(403, "ErrorAccessDenied")
          : undefined,
    },
    "folder",
    advice.notReached,
  ],
  [
    "404 after the create of a folder",
    {
      alter: ({ method, path }) =>
        method === "GET" &&
        /\/mailFolders\/(?!inbox|msgfolderroot|deleteditems)[^/]+\?\$select=id$/.test(path)
          ? graphError(404, "ErrorItemNotFound")
          : undefined,
    },
    "folder",
    advice.folderNotFound,
  ],
  ["a create that gives a draft", { alter: changed({ isDraft: true }) }, "draft", advice.draft],
  [
    "a received date ignored",
    { alter: changed({ receivedDateTime: "2026-01-01T00:00:00Z" }) },
    "received date",
    advice.date,
  ],
  [
    "a sent date ignored",
    { alter: changed({ sentDateTime: "2026-01-01T00:00:00Z" }) },
    "sent date",
    advice.date,
  ],
  ["a read state lost", { alter: changed({ isRead: false }) }, "read state", advice.state],
  ["a flag lost", { alter: changed({ flag: { flagStatus: "notFlagged" } }) }, "flag", advice.state],
  ["categories lost", { alter: changed({ categories: [] }) }, "categories", advice.state],
  ["importance lost", { alter: changed({ importance: "normal" }) }, "importance", advice.state],
  ["a header lost", { alter: changed({ singleValueExtendedProperties: [] }) }, "header", advice.header],
  [
    "another sender",
    { alter: changed({ from: { emailAddress: { address: mailbox } } }) },
    "sender",
    advice.state,
  ],
  [
    "a stamp that is not searchable",
    {
      alter: ({ path, status }) =>
        onMessages.test(path) && path.includes("any(ep") ? { status, body: { value: [] } } : undefined,
    },
    "search",
    advice.notSearchable,
  ],
  [
    "flags that may not be changed",
    {
      alter: ({ method, path }) =>
        method === "PATCH" && /\/messages\//.test(path) ? graphError(403, "ErrorAccessDenied") : undefined,
    },
    "flag later",
    advice.notReached,
  ],
  [
    "no upload sessions",
    { graph: { uploadSessions: false }, sizes: { attachments: [4] } },
    "4 MB",
    advice.uploads,
  ],
  [
    "a limit below what is attached",
    { graph: { maxMessageBytes: 3 * megabyte }, sizes: { attachments: [4] } },
    "4 MB",
    advice.size,
  ],
  [
    "attachments that may not be added",
    {
      graph: { sensitiveUpdates: { permitted: false, countsAttachments: true } },
      sizes: { attachments: [4] },
    },
    "4 MB",
    advice.attachments,
  ],
  [
    "a full mailbox",
    { mailbox: { quotaBytes: megabyte }, sizes: { attachments: [2] } },
    "2 MB",
    advice.quota,
  ],
  [
    "nothing that can be removed",
    {
      refuse: ({ method, path }) =>
        method === "DELETE" || path.endsWith("/permanentDelete")
          ? graphError(403, "ErrorAccessDenied")
          : undefined,
    },
    "removal",
    advice.notReached,
  ],
];

const yellow: readonly (readonly [fault: string, planted: Planted, step: string, remedy: string])[] = [
  [
    "an updated property without its permission",
    { graph: { sensitiveUpdates: { permitted: false } } },
    "answered later",
    advice.advancedMail,
  ],
  [
    "a limit of 25 MB",
    { graph: { maxMessageBytes: 25 * megabyte }, sizes: { attachments: [], aboveDefault: 26 } },
    "26 MB",
    advice.size,
  ],
  ["a token without mail", { token: tokenWith("User.Read.All") }, "token", advice.roleMissing],
  [
    "throttling to one a second",
    { graph: { limits: { requests: 30, requestWindowMs: 6_000 } } },
    "speed",
    advice.slow,
  ],
];

const find = (steps: readonly CheckStep[], step: string) => steps.find((one) => one.step === step);

/** Rows of the first table of a page. */
function rowsOf(page: string): readonly string[] {
  const table = page.slice(page.indexOf("\n| --")).split("\n\n", 1)[0] ?? "";
  return table
    .split("\n")
    .slice(2)
    .map((row) => row.split("|")[1]?.trim() ?? "");
}

describe("the check of a target mailbox", () => {
  it("finds nothing wrong where nothing is, and leaves the mailbox as it was", async () => {
    const { steps, graph } = await check({ sizes: usualSizes });
    expect(steps.filter(({ outcome }) => outcome !== "ok")).toEqual([]);
    const experiments = ["experiment: importMime", "experiment: PATCH"];
    const page = await readFile(join(import.meta.dirname, "../../infra/docs/verification.md"), "utf8");
    expect([...steps.map(({ step }) => step), ...experiments].toSorted()).toEqual(rowsOf(page).toSorted());
    const { folders } = graph.mailbox(mailbox);
    expect(folders.flatMap(({ messages }) => messages)).toEqual([]);
    expect(folders.filter(({ displayName }) => displayName.startsWith("imap-to-m365"))).toEqual([]);
  });

  it.each(red)("is red for %s, and says what to do", async (_, planted, step, remedy) => {
    const { steps } = await check(planted);
    expect(find(steps, step)).toMatchObject({ outcome: "failed", remedy });
  });

  it.each(yellow)("warns of %s, and says what to do", async (_, planted, step, remedy) => {
    const { steps } = await check(planted);
    expect(find(steps, step)).toMatchObject({ outcome: "warning", remedy });
    expect(steps.filter(({ outcome }) => outcome === "failed")).toEqual([]);
  });

  it("tells what a tenant makes of the experiments", async () => {
    const { steps } = await check({ request: { experiments: true } });
    expect(find(steps, "experiment: importMime")).toMatchObject({ outcome: "skipped" });
    expect(find(steps, "experiment: PATCH")).toMatchObject({ outcome: "skipped" });
  });

  it.each([
    {
      rawMime: "kept",
      imported: "no draft, received as written, sent as written, header kept, 3 of 3 parts byte by byte",
      patched: "no draft, received as written, sent as written, header kept, 3 of 3 parts byte by byte",
    },
    {
      rawMime: "remade",
      imported: "no draft, received otherwise, sent otherwise, header lost, 2 of 3 parts byte by byte",
      patched: "no draft, received as written, sent as written, header lost, 2 of 3 parts byte by byte",
    },
  ] as const)("compares what comes back part by part where raw MIME is $rawMime", async (tenant) => {
    const { steps } = await check({ graph: { rawMime: tenant.rawMime }, request: { experiments: true } });
    expect(find(steps, "experiment: importMime")).toMatchObject({ outcome: "ok", answered: tenant.imported });
    expect(find(steps, "experiment: PATCH")).toMatchObject({ outcome: "ok", answered: tenant.patched });
    expect(find(steps, "removal")).toMatchObject({ outcome: "ok" });
  });
});
