import type { BatchView, MailboxView } from "../api/types.ts";
import { To } from "../frame/view.tsx";

/** The address of a mailbox, which leads to it. */
export function Address({ of: { id, emailAddress }, batch }: { of: MailboxView; batch: BatchView }) {
  return (
    <To to={`/batches/${batch.name}/mailboxes/${id}`} className="cut">
      {emailAddress}
    </To>
  );
}
