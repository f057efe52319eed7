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
export interface Meant {
  readonly mailboxes?: readonly string[];
  readonly filter?: { readonly status?: string; readonly errorCode?: string };
}

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
      {batch.rehearsal ? null : (
        <OfCopied batch={batch} meant={meant} mailboxes={mailboxes} onClear={onClear} />
      )}
      <Button size="small" appearance="subtle" onClick={onClear}>
        Choose none
      </Button>
    </div>
  );
}

/** What can be done with what was copied, or skipped. */
function OfCopied({
  batch,
  meant,
  mailboxes,
  onClear,
}: {
  batch: BatchView;
  meant: Meant;
  mailboxes: string;
  onClear: () => void;
}) {
  const confirm = useConfirm();
  const approve = useApproval(batch);
  const act = useAct(batch.name);
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
              body: meant,
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
          onClick={() => void approve.ask(undefined, mailboxes, meant)}
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
              body: { ...meant, acceptDoubles: true },
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
