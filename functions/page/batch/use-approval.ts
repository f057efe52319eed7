import { pathOf } from "../api/client.ts";
import { useMayOperate } from "../api/queries.ts";
import type { BatchView } from "../api/types.ts";
import { useConfirm } from "../parts/confirm.tsx";
import { approvalOf } from "./approval.ts";
import { useAct } from "./use-act.ts";

/** Accepts what was skipped until now, of the batch or of one mailbox, once somebody has said so. */
export function useApproval(batch: BatchView) {
  const confirm = useConfirm();
  const mayOperate = useMayOperate();
  const { mutate, isPending } = useAct(batch.name);
  return {
    mayOperate,
    isPending,
    async ask(items: number, of: string, mailbox?: string): Promise<void> {
      if (!(await confirm(approvalOf(batch, items, of)))) return;
      mutate({
        path: pathOf`batches/${batch.name}/approve`,
        body: mailbox === undefined ? {} : { mailboxes: [mailbox] },
        begun: `What was skipped of ${of} is accepted`,
      });
    },
  };
}
