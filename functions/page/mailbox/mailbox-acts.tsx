import { Button } from "@fluentui/react-components";
import { pathOf } from "../api/client.ts";
import { useMayOperate } from "../api/queries.ts";
import type { BatchView, MailboxDetails } from "../api/types.ts";
import {
  actionLabels,
  forgetQuestionOf,
  mailboxActionsOf,
  removalQuestionOf,
  retryQuestionOf,
  undoQuestionOf,
} from "../batch/acts.ts";
import { useAct } from "../batch/use-act.ts";
import { useApproval } from "../batch/use-approval.ts";
import { useConfirm } from "../parts/confirm.tsx";
import { counted } from "../parts/format.ts";
import { NewPassword } from "./new-password.tsx";

/** What can be done with one mailbox. */
export function Acts({ batch, mailbox }: { batch: BatchView; mailbox: MailboxDetails }) {
  const mayOperate = useMayOperate();
  const approve = useApproval(batch);
  const act = useAct(batch.name);
  const confirm = useConfirm();
  const off = !mayOperate || act.isPending;
  const path = pathOf`batches/${batch.name}/mailboxes/${mailbox.id}`;
  return (
    <div className="tools">
      {mailboxActionsOf(mailbox).map((action) => (
        <Button
          key={action}
          disabledFocusable={off}
          onClick={async () => {
            const question = mailbox.error?.code === "TooManyDeletions" && action === "retry";
            if (question && !(await confirm(retryQuestionOf(1, mailbox.error?.code)))) return;
            act.mutate({
              path: `${path}/${action}`,
              begun: `${actionLabels[action]}: ${mailbox.emailAddress}`,
            });
          }}
        >
          {actionLabels[action]}
        </Button>
      ))}
      {batch.rehearsal ? null : (
        <Button
          disabledFocusable={off || mailbox.lastSyncedAt === null}
          onClick={() =>
            act.mutate({
              path: pathOf`batches/${batch.name}/verify`,
              body: { mailboxes: [mailbox.id] },
              begun: `${mailbox.emailAddress} is being verified`,
            })
          }
        >
          Verify
        </Button>
      )}
      {mailbox.unapprovedItemCount > 0 ? (
        <Button
          disabledFocusable={off || approve.isPending}
          onClick={() =>
            void approve.ask(mailbox.unapprovedItemCount, mailbox.emailAddress, { mailboxes: [mailbox.id] })
          }
        >
          Accept {counted(mailbox.unapprovedItemCount, "skipped message", "skipped messages")}
        </Button>
      ) : null}
      <NewPassword batch={batch} mailbox={mailbox} />
    </div>
  );
}

/** What is seldom wanted, and asks before: the copies taken back or forgotten, the mailbox out of its batch. */
export function UndoAndRemove({
  batch,
  mailbox,
  onClose,
}: {
  batch: BatchView;
  mailbox: MailboxDetails;
  onClose: () => void;
}) {
  const mayOperate = useMayOperate();
  const act = useAct(batch.name);
  const confirm = useConfirm();
  const off = !mayOperate || act.isPending;
  const path = pathOf`batches/${batch.name}/mailboxes/${mailbox.id}`;
  return (
    <>
      <h2>Undo and remove</h2>
      <div className="tools">
        {batch.rehearsal || mailbox.syncedItemCount === 0 ? null : (
          <Button
            disabledFocusable={off}
            onClick={async () => {
              if (await confirm(undoQuestionOf(mailbox)))
                act.mutate({
                  path: pathOf`batches/${batch.name}/undo`,
                  body: { mailboxes: [mailbox.id] },
                  begun: `What was copied for ${mailbox.emailAddress} is taken back`,
                });
            }}
          >
            Take back
          </Button>
        )}
        {batch.rehearsal || mailbox.startedAt === null ? null : (
          <Button
            disabledFocusable={off}
            onClick={async () => {
              if (await confirm(forgetQuestionOf(mailbox.emailAddress, mailbox.emailAddress)))
                act.mutate({
                  path: pathOf`batches/${batch.name}/forget`,
                  body: { mailboxes: [mailbox.id], acceptDoubles: true },
                  begun: `What was copied for ${mailbox.emailAddress} is being forgotten`,
                });
            }}
          >
            Forget copies
          </Button>
        )}
        <Button
          disabledFocusable={off}
          onClick={async () => {
            if (await confirm(removalQuestionOf(mailbox)))
              act.mutate(
                { method: "DELETE", path, begun: `${mailbox.emailAddress} is removed from the batch` },
                { onSuccess: onClose },
              );
          }}
        >
          Remove
        </Button>
      </div>
    </>
  );
}
