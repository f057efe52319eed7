import { expect, it } from "vitest";
import { endpointSchema } from "../../../../shared/domain/endpoint.ts";
import type { EndpointName } from "../../../../shared/domain/names.ts";
import { createEndpointTest } from "../../../../shared/migration/endpoints/test-endpoint.ts";
import type { SourceConnector, SourceDialect } from "../../../../shared/migration/ports/source.ts";

async function dialectStep(dialect: SourceDialect) {
  const mailbox = { listFolders: async () => [], dialect: () => dialect, close: async () => undefined };
  const test = createEndpointTest({
    endpoints: {
      get: async () => ({
        name: "contoso" as EndpointName,
        version: "1",
        settings: endpointSchema.parse({ host: "imap.contoso.com" }),
      }),
    },
    dns: { addresses: async () => ["192.0.2.1"] } as never,
    probe: { probe: async () => ({ steps: [] }) },
    source: { open: async () => mailbox } as unknown as SourceConnector,
    isPermitted: () => true,
  });
  const result = await test.test("contoso" as EndpointName, { userName: "a", password: "b" });
  return result.outcome === "tested" ? result.report.steps.find(({ step }) => step === "dialect") : undefined;
}

const everything = {
  CONDSTORE: "works",
  ESEARCH: "works",
  "LIST-STATUS": "works",
  "SPECIAL-USE": "works",
} as const;

it("a server that has all that makes rounds quick is fine", async () => {
  expect(await dialectStep({ software: "Dovecot", extensions: everything })).toMatchObject({
    outcome: "ok",
    message: "The server is Dovecot, and has all that makes rounds quick.",
  });
});

it("what a server lacks, refuses or limits is said with what it costs", async () => {
  const step = await dialectStep({
    software: "",
    extensions: { ...everything, CONDSTORE: "missing", "LIST-STATUS": "refused" },
    messageLimit: 1000,
    adminForm: "UserName user*admin",
  });
  expect(step).toMatchObject({ outcome: "warning" });
  expect(step?.message).toMatch(
    /^The server does not name itself\. Without CONDSTORE \(missing\): .+ seven days.+LIST-STATUS \(refused\): .+\. It looks at 1000 messages a command\. An administrator reads users' mail there by UserName user\*admin\.$/,
  );
});
