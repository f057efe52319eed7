import { sourceAccount } from "../../../shared/domain/credentials.ts";
import type { FolderSyncMessage, OperationMessage } from "../../../shared/domain/queue-messages.ts";
import { createAdmission } from "../../../shared/migration/admission/admission.ts";
import { createSourceBudget } from "../../../shared/migration/admission/source-budget.ts";
import { type BatchControl, createBatchControl } from "../../../shared/migration/control/batch-control.ts";
import { createDailySync } from "../../../shared/migration/control/daily-sync.ts";
import { type ActOnFolder, createFolderControl } from "../../../shared/migration/control/folder-control.ts";
import { createJanitor } from "../../../shared/migration/control/janitor.ts";
import { createOperationWork } from "../../../shared/migration/control/operation-work.ts";
import { createSweeps, type Sweeps } from "../../../shared/migration/control/sweeps.ts";
import { createBatchTending } from "../../../shared/migration/control/tend-batch.ts";
import { createCutover } from "../../../shared/migration/cutover/cutover.ts";
import { createDomainWatch } from "../../../shared/migration/cutover/watch-domains.ts";
import { createEndpoints } from "../../../shared/migration/endpoints/endpoint-settings.ts";
import { createNotices, type Notices } from "../../../shared/migration/notices/notices.ts";
import { createOperations } from "../../../shared/migration/operations/carry-out.ts";
import { clearBatch } from "../../../shared/migration/operations/clear-batch.ts";
import type { MailRoute } from "../../../shared/migration/ports/mail-routing.ts";
import type { Vault } from "../../../shared/migration/ports/vault.ts";
import { createRehearseStep } from "../../../shared/migration/rehearsal/rehearse-step.ts";
import type { Log } from "../../../shared/migration/runtime.ts";
import { type BatchStates, createBatchStates } from "../../../shared/migration/status/batch-states.ts";
import { createReports } from "../../../shared/migration/status/reports.ts";
import { createFolderSync } from "../../../shared/migration/sync/folder-sync.ts";
import type { StepLimits } from "../../../shared/migration/sync/limits.ts";
import type { LookParts } from "../../../shared/migration/sync/parts.ts";
import { createUndoStep } from "../../../shared/migration/undo/undo-step.ts";
import { createUploadIngestion } from "../../../shared/migration/upload/ingest-upload.ts";
import { createVerifyStep } from "../../../shared/migration/verification/verify-step.ts";
import type { MemoryBlobs } from "./memory-blobs.ts";
import type { MemoryMail } from "./memory-mail.ts";
import type { MemoryQueues } from "./memory-queues.ts";
import { MemoryOpenFolder, type MemorySource, MemorySourceMailbox } from "./memory-source.ts";
import { storesOver, type Tables } from "./memory-stores.ts";
import { type MemoryTarget, MemoryTargetMailbox } from "./memory-target.ts";
import type { WorkerProcess } from "./process.ts";

/** Everything outside the processes: it outlives them. */
export interface Outside {
  readonly tables: Tables;
  readonly blobs: MemoryBlobs;
  readonly queues: MemoryQueues;
  readonly source: MemorySource;
  readonly target: MemoryTarget;
  readonly mail: MemoryMail;
  /** Where the mail of every domain goes. */
  readonly route: () => MailRoute;
  readonly limits: StepLimits;
  readonly log: Log;
}

/** The application's use cases in one process, as the triggers call them. */
export interface Worker {
  readonly process: WorkerProcess;
  readonly operation: (message: OperationMessage) => Promise<void>;
  readonly folderSync: (message: FolderSyncMessage, isolated: boolean) => Promise<void>;
  /** Tells the process that it is about to end. */
  readonly end: () => void;
  readonly ingest: (blobName: string) => Promise<void>;
  readonly sweeps: Sweeps;
  readonly report: () => Promise<void>;
  readonly resync: () => Promise<void>;
  readonly control: BatchControl;
  readonly states: BatchStates;
  readonly notices: Notices;
  /** What the hourly timer does. */
  readonly domains: () => Promise<void>;
  readonly actOnFolder: ActOnFolder;
}

const memoryVault: Vault = {
  seal: async (_owner, secret) => `sealed:${secret}`,
  open: async (_owner, sealed) => sealed.slice("sealed:".length),
  matches: async (_owner, sealed, secret) => sealed === `sealed:${secret}`,
  forget: async () => undefined,
};

const clock = () => Date.now();

/** Starts the application in a process. */
export function startWorker(process: WorkerProcess, outside: Outside): Worker {
  const { limits, log } = outside;
  const stores = storesOver({
    batches: process.seeing("batches", outside.tables.batches),
    mailboxes: process.seeing("mailboxes", outside.tables.mailboxes),
    ledgers: process.seeing("ledgers", outside.tables.ledgers),
    admissions: process.seeing("admissions", outside.tables.admissions),
    domains: process.seeing("domains", outside.tables.domains),
  });
  const uploads = process.seeing("uploads", outside.blobs.uploads);
  const endpointFiles = process.seeing("endpoints", outside.blobs.endpoints);
  const reports = process.seeing("reports", outside.blobs.reports);
  const verifications = process.seeing("verifications", outside.blobs.verifications);
  const rehearsals = process.seeing("rehearsals", outside.blobs.rehearsals);
  const undos = process.seeing("undos", outside.blobs.undos);
  const queue = process.seeing("queue", outside.queues);
  const vault = process.seeing("vault", memoryVault);
  const isSession = (value: unknown) =>
    value instanceof MemorySourceMailbox || value instanceof MemoryOpenFolder;
  const endpoints = createEndpoints(endpointFiles, clock);
  const { batches, mailboxes, ledgers, admissions, domains } = stores;
  const ending = new AbortController();
  const admission = createAdmission({
    store: admissions,
    batches,
    mailboxes,
    endpoints,
    queue,
    clock,
    log,
    ending: ending.signal,
  });
  const snapshots = process.seeing("snapshots", outside.blobs.snapshots);
  const states = createBatchStates({ states: stores.states, snapshots, mailboxes, endpoints, clock, log });
  const beginning = { batches, queue, sizeOf: states.sizeOf, standing: states.standing, clock, log };
  const watch = createDomainWatch({
    domains,
    routing: async () => outside.route(),
    batches,
    states,
    clock,
    log,
  });
  const { reasonsAgainstRemoval, view: cutoverView } = createCutover({
    batches,
    states,
    domains,
    watch,
    clock,
  });
  const control = createBatchControl({
    ...beginning,
    admission,
    reasonsAgainstRemoval,
  });
  const ingestion = createUploadIngestion({
    ...beginning,
    uploads,
    endpoints: endpointFiles,
    reports,
    mailboxes,
    vault,
  });
  const ingest = async (blobName: string): Promise<void> => {
    await ingestion.ingest(blobName);
  };
  const sweep = createJanitor({
    uploads,
    batches,
    states: stores.states,
    forgetFigures: states.forget,
    mailboxes,
    admissions,
    admission,
    deadLetters: queue,
    queue,
    clock,
    log,
  });
  const { carryOut, resume } = createOperations({
    ...beginning,
    mailboxes,
    ledger: ledgers,
    admission,
    refresh: async (batch) => void (await states.refresh(batch, true)),
    clear: (batch) =>
      clearBatch({ states, admissions, reports, verifications, rehearsals, undos, vault }, batch),
    ending: ending.signal,
  });
  const tend = createBatchTending({
    batches,
    mailboxes,
    admissions,
    admission,
    states,
    operations: { resume },
    control,
    queue,
    clock,
    log,
    ending: ending.signal,
  });
  const { announce, write } = createReports({
    batches,
    stored: stores.states,
    states,
    ledger: ledgers,
    reports,
    verifications,
    rehearsals,
    undos,
    queue,
    clock,
    log,
  });
  const mail = process.seeing("mail", outside.mail);
  const notices = createNotices({
    batches,
    notices: stores.notices,
    states,
    cutover: { view: cutoverView },
    send: (message) => mail.send(message),
    pageOf: () => undefined,
    queue,
    clock,
    log,
  });
  const target = process.seeing("target", outside.target, (value) => value instanceof MemoryTargetMailbox);
  const parts: LookParts = {
    batches,
    mailboxes,
    ledger: ledgers,
    admission,
    budget: createSourceBudget(stores.sourceDebts, clock),
    endpoints,
    source: process.seeing("source", outside.source, isSession),
    target: {
      resolve: (emailAddress) => target.resolve(emailAddress),
      open: (identity) => target.open(identity),
      representableFlags: (flags) => outside.target.representableFlags(flags),
    },
    vault,
    queue,
    sourceAccount: async ({ endpoint, userName, userRoot }) =>
      sourceAccount(await endpoints.get(endpoint), userName, userRoot),
    limits,
    ending: ending.signal,
    standstills: () => process.standstills,
    trace: (_span, _fields, work) => work(),
    clock,
    log,
  };
  return {
    process,
    end: () => ending.abort(),
    operation: createOperationWork({ carryOut, tend, notify: notices.look, report: write, ingest, log }),
    folderSync: createFolderSync({
      ...parts,
      verify: createVerifyStep({ ...parts, verifications }),
      rehearse: createRehearseStep({ ...parts, rehearsals }),
      undo: createUndoStep({ ...parts, undos }),
    }),
    ingest,
    sweeps: createSweeps({
      sweep,
      record: process.seeing("sweeps", outside.blobs.sweeps),
      queue,
      clock,
      log,
    }),
    report: announce,
    resync: createDailySync({ batches, queue, control, clock, log }),
    control,
    actOnFolder: createFolderControl({ batches, mailboxes, ledger: ledgers, admission, queue, clock, log }),
    states,
    notices,
    domains: async () => {
      await watch.pass();
      await notices.lookAtCutovers();
    },
  };
}
