import { Button } from "@fluentui/react-components";
import { pathOf } from "../api/client.ts";
import { useMayOperate } from "../api/queries.ts";
import type { BatchView } from "../api/types.ts";
import { useConfirm } from "../parts/confirm.tsx";
import { counted } from "../parts/format.ts";
import { actionLabels, type MailboxAction, manyQuestionOf } from "./acts.ts";
import { useAct } from "./use-act.ts";

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
      <Button size="small" appearance="subtle" onClick={onClear}>
        Choose none
      </Button>
    </div>
  );
}
