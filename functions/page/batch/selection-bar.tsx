import { Button } from "@fluentui/react-components";
import { pathOf } from "../api/client.ts";
import { useMayOperate } from "../api/queries.ts";
import type { BatchView } from "../api/types.ts";
import { useConfirm } from "../parts/confirm.tsx";
import { counted } from "../parts/format.ts";
import { actionLabels, forgetQuestionOf, type MailboxAction, manyQuestionOf } from "./acts.ts";
import { useAct } from "./use-act.ts";
import { useApproval } from "./use-approval.ts";

const actions: readonly MailboxAction[] = ["sync", "retry", "start", "stop"];

/** Which mailboxes are meant: those that were ticked, or all that fit what is filtered for. */
export type Meant =
  | { readonly mailboxes: readonly string[] }
  | { readonly filter: { readonly status?: string; readonly errorCode?: string } };

/** What can be done with the mailboxes that were chosen. */
export default function SelectionBar({
  batch,
  meant,
  count,
  onClear,
}: {
  batch: BatchView;
  meant: Meant;
  count: number;
  onClear: () => void;
}) {
  const confirm = useConfirm();
  const mayOperate = useMayOperate();
  const act = useAct(batch.name);
  const mailboxes = counted(count, "mailbox", "mailboxes");
  return (
    <div className="tools selection" role="group" aria-label="Chosen mailboxes">
      <b>{mailboxes} chosen</b>
      {actions.map((action) => (
        <Button
          key={action}
          size="small"
          disabledFocusable={!mayOperate || act.isPending}
          onClick={async () => {
            const question = manyQuestionOf(action, count);
            if (question && !(await confirm(question))) return;
            act.mutate(
              {
                path: pathOf`batches/${batch.name}/${action}`,
                body: meant,
                begun: `${actionLabels[action]}: ${mailboxes}`,
              },
              { onSuccess: onClear },
            );
          }}
        >
          {actionLabels[action]}
        </Button>
      ))}
      {"mailboxes" in meant && !batch.rehearsal ? (
        <OfNamed batch={batch} ids={meant.mailboxes} onClear={onClear} />
      ) : null}
      <Button size="small" appearance="subtle" onClick={onClear}>
        Choose none
      </Button>
    </div>
  );
}

/** What the API does with mailboxes that are named, and not with all that fit. */
function OfNamed({ batch, ids, onClear }: { batch: BatchView; ids: readonly string[]; onClear: () => void }) {
  const confirm = useConfirm();
  const approve = useApproval(batch);
  const act = useAct(batch.name);
  const mailboxes = counted(ids.length, "mailbox", "mailboxes");
  const off = !approve.mayOperate || approve.isPending || act.isPending;
  return (
    <>
      <Button
        size="small"
        disabledFocusable={off}
        onClick={() =>
          act.mutate(
            {
              path: pathOf`batches/${batch.name}/verify`,
              body: { mailboxes: ids },
              begun: `Those of ${mailboxes} that are synced are being verified`,
            },
            { onSuccess: onClear },
          )
        }
      >
        Verify
      </Button>
      {batch.unapprovedItemCount > 0 ? (
        <Button
          size="small"
          disabledFocusable={off}
          onClick={() => void approve.ask(undefined, mailboxes, { mailboxes: ids })}
        >
          Accept skipped
        </Button>
      ) : null}
      <Button
        size="small"
        disabledFocusable={off}
        onClick={async () => {
          if (!(await confirm(forgetQuestionOf(mailboxes, batch.name)))) return;
          act.mutate(
            {
              path: pathOf`batches/${batch.name}/forget`,
              body: { mailboxes: ids, acceptDoubles: true },
              begun: `What was copied for ${mailboxes} is being forgotten`,
            },
            { onSuccess: onClear },
          );
        }}
      >
        Forget copies
      </Button>
    </>
  );
}
