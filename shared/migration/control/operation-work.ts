import { isMigrationError } from "../../domain/errors.ts";
import type { BatchName } from "../../domain/names.ts";
import type { OperationMessage, PageMessage, TendMessage } from "../../domain/queue-messages.ts";
import type { Log } from "../runtime.ts";

type ReportMessage = Extract<OperationMessage, { readonly kind: "report" }>;

/** What a message of the queue `operations` may ask for. */
export interface OperationWork {
  readonly carryOut: (message: PageMessage) => Promise<void>;
  readonly tend: (message: TendMessage) => Promise<void>;
  /** Sends the mails that are due about a batch. */
  readonly notify: (batch: BatchName) => Promise<void>;
  readonly report: (message: ReportMessage) => Promise<void>;
  readonly ingest: (file: string) => Promise<void>;
  readonly log: Log;
}

/** Does what a message asks for. Repeatable, as all of it is. */
export function createOperationWork(work: OperationWork): (message: OperationMessage) => Promise<void> {
  return (message) => {
    switch (message.kind) {
      case "page":
        return work.carryOut(message);
      case "tend":
        return tend(work, message);
      case "report":
        return work.report(message);
      case "upload":
        return ingest(work, message.file);
    }
  };
}

/** The mails come last: the next look at the batch is on its way by then. */
async function tend({ tend, notify }: OperationWork, message: TendMessage): Promise<void> {
  await tend(message);
  await notify(message.batch);
}

/** What is wrong with a file, or with what reads it, may pass: the janitor asks again as long as the file is there. */
async function ingest({ ingest, log }: OperationWork, file: string): Promise<void> {
  try {
    await ingest(file);
  } catch (error) {
    log("upload.failed", { code: isMigrationError(error) ? error.code : "InternalError" });
  }
}
