import { pathOf } from "../api/client.ts";
import { useMayOperate } from "../api/queries.ts";
import type { BatchView } from "../api/types.ts";
import { useConfirm } from "../parts/confirm.tsx";
import { approvalOf } from "./approval.ts";
import type { Meant } from "./selection-bar.tsx";
import { useAct } from "./use-act.ts";

/** Which skipped messages are meant; those of the whole batch where nothing is said. */
export interface Approved extends Meant {
  readonly codes?: readonly string[];
}

/** Accepts what was skipped until now, once somebody has said so. */
export function useApproval(batch: BatchView) {
  const confirm = useConfirm();
  const mayOperate = useMayOperate();
  const { mutate, isPending } = useAct(batch.name);
  return {
    mayOperate,
    isPending,
    /** @param items how many nobody has accepted yet; undefined where that is not known. @param of whose they are. */
    async ask(items: number | undefined, of: string, approved: Approved = {}): Promise<void> {
      if (!(await confirm(approvalOf(batch, items, of)))) return;
      mutate({
        path: pathOf`batches/${batch.name}/approve`,
        body: approved,
        begun: `What was skipped of ${of} is accepted`,
      });
    },
  };
}
