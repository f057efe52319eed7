import type { TokenCredential } from "@azure/identity";
import { countStandstills } from "./adapters/event-loop.ts";
import type { IdentityToken } from "./adapters/identity-token.ts";
import { StoreClock } from "./adapters/store-clock.ts";
import type { ApplicationInsights } from "./adapters/telemetry/application-insights.ts";
import { currentTraceParent, logEvent } from "./adapters/telemetry/invocation.ts";
import { measuresOf } from "./adapters/telemetry/measures.ts";
import { type Config, readConfig, type StorageConnection } from "./config.ts";
import { sourceAccount } from "./domain/credentials.ts";
import type { BatchName, MailboxId } from "./domain/names.ts";
import { lackingPermissions } from "./domain/permissions.ts";
import {
  folderSyncQueue,
  isolatedSyncQueue,
  janitorQueue,
  operationsQueue,
} from "./domain/queue-messages.ts";
import { createAdmission } from "./migration/admission/admission.ts";
import { createSourceBudget } from "./migration/admission/source-budget.ts";
import { createBatchControl } from "./migration/control/batch-control.ts";
import { createServerConfirmation } from "./migration/control/confirm-server.ts";
import { createDailySync } from "./migration/control/daily-sync.ts";
import { createFolderControl } from "./migration/control/folder-control.ts";
import { createJanitor } from "./migration/control/janitor.ts";
import { createOperationWork } from "./migration/control/operation-work.ts";
import { createSweeps } from "./migration/control/sweeps.ts";
import { createBatchTending } from "./migration/control/tend-batch.ts";
import { createEndpoints } from "./migration/endpoints/endpoint-settings.ts";
import { createEndpointManagement } from "./migration/endpoints/manage-endpoints.ts";
import { createEndpointTest } from "./migration/endpoints/test-endpoint.ts";
import { createHealth } from "./migration/health/health.ts";
import { createOperations } from "./migration/operations/carry-out.ts";
import { clearBatch } from "./migration/operations/clear-batch.ts";
import type { AccessTokens } from "./migration/ports/access-tokens.ts";
import type { SendMail } from "./migration/ports/notices.ts";
import type { Probed } from "./migration/ports/probed.ts";
import type { SecretStore } from "./migration/ports/secrets.ts";
import type { TargetConnector } from "./migration/ports/target.ts";
import type { SecretOwner, Vault } from "./migration/ports/vault.ts";
import type { Log } from "./migration/runtime.ts";
import { createBatchStates } from "./migration/status/batch-states.ts";
import { createStatus } from "./migration/status/status.ts";
import type { LookParts } from "./migration/sync/parts.ts";
import { logOutcome } from "./migration/upload/log-outcome.ts";
import { version } from "./version.ts";

export { withinInvocation } from "./adapters/telemetry/invocation.ts";
export { traceParentOf } from "./adapters/telemetry/trace-parent.ts";

/** Builds something once and at its first use; a failure is not kept. */
function once<T>(build: () => Promise<T>): () => Promise<T> {
  let built: Promise<T> | undefined;
  return () => {
    built ??= build().catch((error: unknown) => {
      built = undefined;
      throw error;
    });
    return built;
  };
}

/** The same for all processes, whatever the clocks of their machines say. */
const storeClock = new StoreClock();
const clock = storeClock.now;
const config = once(async () => readConfig());

/** Every event is a line of the log; those that measure something are metrics as well. */
const log: Log = (event, fields) => {
  logEvent(event, fields);
  const measures = measuresOf(event, fields);
  if (measures.length > 0)
    void applicationInsights().then((insights) => {
      for (const measure of measures) insights?.record(measure);
    });
};

/** Of the spans of single messages one in so many is sent. */
const messageSpanInterval = 20;

/** Undefined where none is set. Without it the work goes on, so a fault here is an event and no error. */
const applicationInsights = once(async (): Promise<ApplicationInsights | undefined> => {
  try {
    const { applicationInsights: connectionString, azureClientId } = await config();
    if (connectionString === undefined) return undefined;
    const { startApplicationInsights } = await import("./adapters/telemetry/application-insights.ts");
    return startApplicationInsights({
      connectionString,
      credential: azureClientId === undefined ? undefined : await credential(azureClientId),
      messageSpanInterval,
    });
  } catch {
    logEvent("telemetry.failed", {});
    return undefined;
  }
});

/** Sends spans and metrics that wait: an instance may be gone, or stand still, before it is their time. Never throws. */
export async function flushTelemetry(): Promise<void> {
  await (await applicationInsights())?.flush();
}

/** Aborted when the host says that this process ends: steps hand back what they have not done. */
const ending = new AbortController();

/** Called before the process ends: work is handed back, and spans and metrics that wait are sent. */
export async function endProcess(): Promise<void> {
  ending.abort();
  await flushTelemetry();
}

async function credential(clientId: string | undefined): Promise<TokenCredential> {
  const { DefaultAzureCredential } = await import("@azure/identity");
  return new DefaultAzureCredential(clientId === undefined ? {} : { managedIdentityClientId: clientId });
}

async function storageSettings(storage: StorageConnection, service: "blobUrl" | "tableUrl") {
  if ("connectionString" in storage) return storage;
  return { url: storage[service], credential: await credential(storage.clientId) };
}

/** In Azure the deployment makes containers and tables, and the app's roles need not let it make any. */
function makesStorage(storage: StorageConnection): boolean {
  return "connectionString" in storage;
}

const tables = once(async () => {
  const { createTableStores } = await import("./adapters/tables/table-stores.ts");
  const { storage } = await config();
  const stores = createTableStores(await storageSettings(storage, "tableUrl"), storeClock);
  if (makesStorage(storage)) await stores.createTables();
  return stores;
});

const blobs = once(async () => {
  const { createBlobStores } = await import("./adapters/blobs/blob-stores.ts");
  const { storage } = await config();
  const stores = createBlobStores(await storageSettings(storage, "blobUrl"));
  if (makesStorage(storage)) await stores.createContainers();
  return stores;
});

const serviceBus = once(async () => {
  const { createServiceBusClient } = await import("./adapters/servicebus/client.ts");
  const { createWorkQueue } = await import("./adapters/servicebus/work-queue.ts");
  const { createDeadLetterQueue } = await import("./adapters/servicebus/dead-letter-queue.ts");
  const { createQueueProbe } = await import("./adapters/servicebus/probe.ts");
  const settings = (await config()).serviceBus;
  const client = createServiceBusClient(
    "connectionString" in settings
      ? settings
      : {
          fullyQualifiedNamespace: settings.fullyQualifiedNamespace,
          credential: await credential(settings.clientId),
        },
  );
  const queues = [operationsQueue, folderSyncQueue, isolatedSyncQueue, janitorQueue];
  return {
    queue: createWorkQueue(client, currentTraceParent, clock),
    deadLetters: createDeadLetterQueue(client, queues),
    ...createQueueProbe(client, queues),
  };
});

const vault = once(async (): Promise<Vault & Probed> => {
  const { credentialKey, azureClientId } = await config();
  if ("key" in credentialKey) {
    const { createLocalVault } = await import("./adapters/vault/local-vault.ts");
    return createLocalVault(credentialKey.key);
  }
  const { createKeyVaultVault } = await import("./adapters/vault/key-vault.ts");
  return createKeyVaultVault(credentialKey.keyUri, await credential(azureClientId));
});

const secrets = once(async (): Promise<SecretStore> => {
  const { credentialKey, azureClientId } = await config();
  if ("key" in credentialKey) {
    const { createMissingSecrets } = await import("./adapters/vault/missing-secrets.ts");
    return createMissingSecrets();
  }
  const { createKeyVaultSecrets } = await import("./adapters/vault/key-vault-secrets.ts");
  return createKeyVaultSecrets(credentialKey.keyUri, await credential(azureClientId));
});

/** Refresh tokens are sealed as passwords are, for an owner that no batch can be. */
const refreshTokenOwner: SecretOwner = {
  batch: "refresh tokens" as BatchName,
  mailboxId: "refresh tokens" as MailboxId,
  server: undefined,
};

const accessTokens = once(async (): Promise<AccessTokens> => {
  const { createAccessTokens } = await import("./adapters/oauth/access-tokens.ts");
  const { seal, open } = await vault();
  const sealer = {
    seal: (text: string) => seal(refreshTokenOwner, text),
    open: (text: string) => open(refreshTokenOwner, text),
  };
  const parts = { secrets: await secrets(), leases: (await blobs()).leases, sealer };
  return createAccessTokens(parts, { onlyHttps: (await config()).inAzure });
});

/** Few endpoints log in by tokens: the client of Key Vault is loaded when the first one does. */
const tokens: AccessTokens = async (...request) => (await accessTokens())(...request);

const target = once(async (): Promise<TargetConnector & Probed> => {
  const { target: settings } = await config();
  return settings.kind === "graph" ? graphTarget(settings) : imapTarget(settings);
});

/** Gives the access token for the target; undefined where the target takes a password. */
const targetToken = once(async (): Promise<IdentityToken | undefined> => {
  const { target: settings, azureClientId } = await config();
  if (settings.kind === "imap") {
    if (settings.authentication !== "xoauth2") return undefined;
    const { exchangeImapService, identityToken } = await import("./adapters/identity-token.ts");
    return identityToken(await credential(azureClientId), imapScope, exchangeImapService);
  }
  const { baseUrl, token } = settings;
  if (token !== undefined) return async () => token;
  const { graphScope, graphService, identityToken } = await import("./adapters/identity-token.ts");
  return identityToken(await credential(azureClientId), graphScope(baseUrl), graphService);
});

type TargetOf<Kind extends Config["target"]["kind"]> = Extract<Config["target"], { readonly kind: Kind }>;

async function graphTarget({ baseUrl, concurrencyPerMailbox }: TargetOf<"graph">) {
  const { createGraphTarget } = await import("./adapters/graph/index.ts");
  const token = await targetToken();
  if (token === undefined) throw new TypeError("Graph takes no password");
  return createGraphTarget({ baseUrl, concurrencyPerMailbox, token });
}

/** Undefined where no sender is set. The token is Graph's, whatever the target. */
const sendMail = once(async (): Promise<SendMail | undefined> => {
  const { mail, azureClientId } = await config();
  if (mail === undefined) return undefined;
  const { createMailSender } = await import("./adapters/graph/send-mail.ts");
  const { graphScope, graphService, identityToken } = await import("./adapters/identity-token.ts");
  const { token: given, sender, baseUrl } = mail;
  const token =
    given === undefined
      ? identityToken(await credential(azureClientId), graphScope(baseUrl), graphService)
      : async () => given;
  return createMailSender({ baseUrl, sender, token });
});

export const notices = once(async () => {
  const { createNotices } = await import("./migration/notices/notices.ts");
  const { batches, notices } = await tables();
  const { ownOrigin } = await config();
  return createNotices({
    batches,
    notices,
    states: await batchStates(),
    cutover: { view: async (...asked) => (await cutover()).view(...asked) },
    send: await sendMail(),
    pageOf: (batch) => ownOrigin && `${ownOrigin}/api/dashboard/batches/${batch}`,
    queue: (await serviceBus()).queue,
    clock,
    log,
  });
});

export const listNotices = once(async () => {
  const { createNoticeList } = await import("./migration/notices/notice-view.ts");
  return createNoticeList(await tables());
});

/** Exchange Online's scope for IMAP. */
const imapScope = "https://outlook.office365.com/.default";
/** Appending is bound by round trips: a few connections to each mailbox hide them. */
const imapConnectionsPerMailbox = 4;

async function imapTarget(settings: TargetOf<"imap">) {
  const { createImapTarget } = await import("./adapters/imap/index.ts");
  return createImapTarget({
    ...settings,
    connectionsPerMailbox: imapConnectionsPerMailbox,
    token: await targetToken(),
  });
}

/**
 * Which addresses a source server may have: in Azure not those of the machine and its platform, whose services trust
 * whoever reaches them. A company's own network may hold the source.
 */
const sourceAddresses = once(async (): Promise<(address: string) => boolean> => {
  if (!(await config()).inAzure) return () => true;
  const { isPermittedAddress } = await import("./migration/discovery/permitted-address.ts");
  return (address) => isPermittedAddress(address, true);
});

const endpoints = once(async () => createEndpoints((await blobs()).endpoints, clock));

/** Of those who only show something: nobody works by older settings since somebody looked. */
const shownEndpoints = once(async () => createEndpoints((await blobs()).endpoints, clock));

const admission = once(async () =>
  createAdmission({
    store: (await tables()).admissions,
    batches: (await tables()).batches,
    mailboxes: (await tables()).mailboxes,
    endpoints: await endpoints(),
    queue: (await serviceBus()).queue,
    clock,
    log,
    ending: ending.signal,
  }),
);

const batchStates = once(async () => {
  const { states, mailboxes } = await tables();
  const { snapshots } = await blobs();
  return createBatchStates({ states, snapshots, mailboxes, endpoints: await shownEndpoints(), clock, log });
});

/** What it takes to begin an operation on a batch. */
const beginningParts = once(async () => ({
  batches: (await tables()).batches,
  queue: (await serviceBus()).queue,
  sizeOf: (await batchStates()).sizeOf,
  standing: (await batchStates()).standing,
  clock,
  log,
}));

const operations = once(async () => {
  const { mailboxes, admissions } = await tables();
  const states = await batchStates();
  const { reports, verifications, rehearsals, undos } = await blobs();
  const parts = { states, admissions, reports, verifications, rehearsals, undos, vault: await vault() };
  return createOperations({
    ...(await beginningParts()),
    mailboxes,
    ledger: (await tables()).ledgers,
    admission: await admission(),
    refresh: async (batch) => void (await states.refresh(batch, true)),
    clear: (batch) => clearBatch(parts, batch),
    ending: ending.signal,
  });
});

const ingestion = once(async () => {
  const [{ mailboxes }, { uploads, endpoints: files, reports }] = await Promise.all([tables(), blobs()]);
  // Its tables of charsets are large, and few invocations read a CSV.
  const { createUploadIngestion } = await import("./migration/upload/ingest-upload.ts");
  return createUploadIngestion({
    ...(await beginningParts()),
    uploads,
    endpoints: files,
    reports,
    mailboxes,
    vault: await vault(),
  });
});

export const uploadSending = once(async () => {
  const { createUploadSending } = await import("./migration/upload/send-upload.ts");
  const { uploads, endpoints: files } = await blobs();
  return createUploadSending({ uploads, endpoints: files, batches: (await tables()).batches });
});

/** Reads an uploaded file. */
export async function ingestUpload(blobName: string): Promise<void> {
  logOutcome(log, await (await ingestion()).ingest(blobName));
}

export const folderSync = once(async () => {
  const { batches, mailboxes, ledgers, sourceDebts } = await tables();
  const { createImapSource } = await import("./adapters/imap/index.ts");
  const { createFolderSync } = await import("./migration/sync/folder-sync.ts");
  const endpointFiles = await endpoints();
  const insights = await applicationInsights();
  const parts: LookParts = {
    batches,
    mailboxes,
    ledger: ledgers,
    admission: await admission(),
    budget: createSourceBudget(sourceDebts, clock),
    endpoints: endpointFiles,
    source: createImapSource({ tokens, isPermitted: await sourceAddresses() }),
    target: await target(),
    vault: await vault(),
    queue: (await serviceBus()).queue,
    sourceAccount: async ({ endpoint, userName, userRoot }) =>
      sourceAccount(await endpointFiles.get(endpoint), userName, userRoot),
    limits: (await config()).chunk,
    ending: ending.signal,
    standstills: countStandstills(),
    clock,
    log,
    trace: (span, fields, work) => insights?.span(span, fields, work) ?? work(),
  };
  const { createVerifyStep } = await import("./migration/verification/verify-step.ts");
  const verify = createVerifyStep({ ...parts, verifications: (await blobs()).verifications });
  const { createRehearseStep } = await import("./migration/rehearsal/rehearse-step.ts");
  const rehearse = createRehearseStep({ ...parts, rehearsals: (await blobs()).rehearsals });
  const { createUndoStep } = await import("./migration/undo/undo-step.ts");
  const undo = createUndoStep({ ...parts, undos: (await blobs()).undos });
  return createFolderSync({ ...parts, verify, rehearse, undo });
});

export const batchControl = once(async () =>
  createBatchControl({
    ...(await beginningParts()),
    admission: await admission(),
    reasonsAgainstRemoval: async (batch) => (await cutover()).reasonsAgainstRemoval(batch),
  }),
);

export const changeOptions = once(async () => {
  const { createOptionsChange } = await import("./migration/upload/change-options.ts");
  return createOptionsChange(await beginningParts());
});

export const actOnFolder = once(async () => {
  const { batches, mailboxes, ledgers } = await tables();
  const { queue } = await serviceBus();
  return createFolderControl({
    batches,
    mailboxes,
    ledger: ledgers,
    admission: await admission(),
    queue,
    clock,
    log,
  });
});

export const operationWork = once(async () => {
  const { batches, mailboxes, admissions } = await tables();
  const { carryOut, resume } = await operations();
  const tend = createBatchTending({
    batches,
    mailboxes,
    admissions,
    admission: await admission(),
    states: await batchStates(),
    operations: { resume },
    control: await batchControl(),
    queue: (await serviceBus()).queue,
    clock,
    log,
    ending: ending.signal,
  });
  const report = async (message: Parameters<Awaited<ReturnType<typeof reports>>["write"]>[0]) =>
    (await reports()).write(message);
  const notify = async (batch: BatchName) => (await notices()).look(batch);
  return createOperationWork({ carryOut, tend, notify, report, ingest: ingestUpload, log });
});

export const resync = once(async () => {
  const { batches } = await tables();
  const { queue } = await serviceBus();
  return createDailySync({ batches, queue, control: await batchControl(), clock, log });
});

export const sweeps = once(async () => {
  const { batches, mailboxes, admissions, states } = await tables();
  const { uploads, sweeps: record } = await blobs();
  const { deadLetters, queue } = await serviceBus();
  const sweep = createJanitor({
    uploads,
    batches,
    states,
    forgetFigures: (await batchStates()).forget,
    mailboxes,
    admissions,
    admission: await admission(),
    deadLetters,
    queue,
    clock,
    log,
  });
  return createSweeps({ sweep, record, queue, clock, log });
});

export const reportFiles = once(async () => (await blobs()).reports);

export const reports = once(async () => {
  const { createReports } = await import("./migration/status/reports.ts");
  const { batches, states: stored, ledgers } = await tables();
  return createReports({
    batches,
    stored,
    states: await batchStates(),
    ledger: ledgers,
    reports: (await blobs()).reports,
    verifications: (await blobs()).verifications,
    rehearsals: (await blobs()).rehearsals,
    undos: (await blobs()).undos,
    queue: (await serviceBus()).queue,
    clock,
    log,
  });
});

export const verification = once(async () => {
  const { createVerificationView } = await import("./migration/status/verification-view.ts");
  return createVerificationView({ batches: (await tables()).batches, states: await batchStates() });
});

export const endpointManagement = once(async () =>
  createEndpointManagement((await blobs()).endpoints, (await tables()).batches),
);

export const endpointUsage = once(async () => {
  const { createEndpointUsage } = await import("./migration/status/endpoint-usage.ts");
  return createEndpointUsage({ ...(await tables()), states: await batchStates(), clock });
});

export const serverConfirmation = once(async () =>
  createServerConfirmation({ ...(await beginningParts()), endpoints: await endpointManagement() }),
);

/** Somebody waits for the answer: milliseconds after which a server of a test is given up. */
const testTimeouts = { connectMs: 10_000, greetingMs: 10_000, stallMs: 30_000, commandMs: 60_000 };

export const endpointTest = once(async () => {
  const { createImapSource, createServerProbe } = await import("./adapters/imap/index.ts");
  const { createDns } = await import("./adapters/dns/resolver.ts");
  return createEndpointTest({
    endpoints: await endpointManagement(),
    dns: createDns(),
    probe: createServerProbe(),
    source: createImapSource({ timeouts: testTimeouts, tokens, isPermitted: await sourceAddresses() }),
    isPermitted: await sourceAddresses(),
  });
});

/** Undefined where the target is not Microsoft Graph. */
export const targetTests = once(async () => {
  const { target: settings } = await config();
  const token = await targetToken();
  if (settings.kind !== "graph" || token === undefined) return undefined;
  const { createGraphCheck } = await import("./adapters/graph/check/check.ts");
  const { createTargetTests } = await import("./migration/target-test/target-test.ts");
  const { leases, targetTests: records } = await blobs();
  const { baseUrl, concurrencyPerMailbox } = settings;
  return createTargetTests({
    check: createGraphCheck({ baseUrl, concurrencyPerMailbox, token }),
    records,
    leases,
    queue: (await serviceBus()).queue,
    clock,
    log,
  });
});

/** Milliseconds for each step of a look at one of many servers, most of which are guesses. */
const discoveryStepMs = 4_000;

export const serverDiscovery = once(async () => {
  const { createServerProbe } = await import("./adapters/imap/index.ts");
  const { createDns } = await import("./adapters/dns/resolver.ts");
  const { createWebPages } = await import("./adapters/web/web-pages.ts");
  const { createServerDiscovery } = await import("./migration/discovery/discover-servers.ts");
  const { isPermittedAddress } = await import("./migration/discovery/permitted-address.ts");
  const { discoveryPrivateAddresses, dnsServers, inAzure } = await config();
  return createServerDiscovery({
    dns: createDns(dnsServers),
    web: createWebPages(),
    probe: createServerProbe(discoveryStepMs),
    isPermitted: (address) =>
      isPermittedAddress(address, discoveryPrivateAddresses) || (discoveryPrivateAddresses && !inAzure),
  });
});

const domainWatch = once(async () => {
  const { createMailRouting } = await import("./adapters/dns/mail-routing.ts");
  const { createDomainWatch } = await import("./migration/cutover/watch-domains.ts");
  const { isPermittedAddress } = await import("./migration/discovery/permitted-address.ts");
  const { batches, domains } = await tables();
  const { dnsServers, discoveryPrivateAddresses } = await config();
  return createDomainWatch({
    domains,
    routing: createMailRouting({
      resolvers: dnsServers,
      isPermitted: (address) => isPermittedAddress(address, discoveryPrivateAddresses),
    }),
    batches,
    states: await batchStates(),
    clock,
    log,
  });
});

export const watchDomains = once(async () => (await domainWatch()).pass);

export const cutover = once(async () => {
  const { createCutover } = await import("./migration/cutover/cutover.ts");
  const { batches, domains } = await tables();
  const states = await batchStates();
  return createCutover({ batches, states, domains, watch: await domainWatch(), clock });
});

export const status = once(async () => {
  const { batches, mailboxes, ledgers } = await tables();
  const states = await batchStates();
  return createStatus({
    batches,
    mailboxes,
    states,
    ledger: ledgers,
    endpoints: await shownEndpoints(),
    clock,
  });
});

/** What a system has to be built for before it can be asked; that it cannot be built shows as its health. */
function probed(build: () => Promise<Probed>): Probed {
  return { probe: async () => (await build()).probe() };
}

export const health = once(async () =>
  createHealth({
    version,
    settings: { probe: async () => void (await config()) },
    connections: {
      blobs: probed(blobs),
      tables: probed(tables),
      serviceBus: probed(serviceBus),
      vault: probed(vault),
      target: probed(target),
    },
    sweeps: { age: async () => (await blobs()).sweeps.age() },
    lackingPermissions: async () => {
      const token = await targetToken();
      return token && lackingPermissions((await config()).target.kind, await token());
    },
    clock,
  }),
);
