import type { z } from "zod";
import type { someMailboxes } from "../shared/domain/api/requests.ts";
import type { BatchName } from "../shared/domain/names.ts";
import type { Selection } from "../shared/migration/ports/registry.ts";
import { mailboxIdIn } from "../shared/migration/upload/mailbox-of-row.ts";

type SomeMailboxes = {
  readonly [Name in keyof typeof someMailboxes]?: z.output<(typeof someMailboxes)[Name]>;
};

/** The mailboxes that a body means; undefined where it means all of the batch. Pure. */
export function selectionOf(batch: BatchName, { mailboxes, filter }: SomeMailboxes): Selection | undefined {
  if (mailboxes === undefined && filter === undefined) return undefined;
  return { ...filter, mailboxes: mailboxes?.map((reference) => mailboxIdIn(batch, reference)) };
}
