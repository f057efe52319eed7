import { useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { ApiError } from "../api/api-error.ts";
import { pathOf, send } from "../api/client.ts";
import { cutoverQuery, type List } from "../api/queries.ts";
import type { BatchView } from "../api/types.ts";
import { useSay } from "../frame/toasts.tsx";
import { useConfirm } from "../parts/confirm.tsx";
import { type BatchAction, begunText, bodyOf, questionOf, statusAfter } from "./actions.ts";

/** Asks where it has to, does it, says what came of it, and shows the new status at once. */
export function useBatchAction(): (action: BatchAction, batch: BatchView) => Promise<boolean> {
  const confirm = useConfirm();
  const say = useSay();
  const client = useQueryClient();
  return useCallback(
    async (action, batch) => {
      const cutover =
        action === "complete"
          ? await client.fetchQuery(cutoverQuery(batch.name)).catch(() => undefined)
          : undefined;
      const question = questionOf(action, batch, cutover);
      const yes = question && (await confirm(question));
      if (question && !yes) return false;
      const show = (change: Partial<Record<keyof BatchView, unknown>>) => {
        const changed = (one: BatchView): BatchView =>
          one.name === batch.name ? ({ ...one, ...change } as BatchView) : one;
        client.setQueryData<List<BatchView>>(["batches"], (list) =>
          list ? { ...list, value: list.value.map(changed) } : list,
        );
        client.setQueryData<BatchView>(["batches", batch.name], (one) => (one ? changed(one) : one));
      };
      show({ status: statusAfter(action, batch.status) });
      try {
        if (action !== "delete")
          await send("POST", pathOf`batches/${batch.name}/${action}`, bodyOf(action, batch));
        else if (!(await remove(batch.name, yes?.also === true, confirm))) return false;
        say(begunText(action, batch));
        return true;
      } catch (error) {
        if (error instanceof ApiError) say(`${batch.name} stays as it is`, error.message, "error");
        else throw error;
        return false;
      } finally {
        void client.invalidateQueries({ queryKey: ["batches"] });
      }
    },
    [client, confirm, say],
  );
}

/** What speaks against it is told by the API; who goes on types the name. @param forgets what was copied. */
async function remove(
  name: string,
  forgets: boolean,
  confirm: ReturnType<typeof useConfirm>,
): Promise<boolean> {
  const path = (force: boolean) => `${pathOf`batches/${name}`}?force=${force}&forget=${forgets}`;
  try {
    await send("DELETE", path(false));
    return true;
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "BatchNotSafeToDelete") throw error;
    const { reasons = [] } = (error.details ?? {}) as { reasons?: readonly string[] };
    const forced = await confirm({
      title: `Delete ${name} although it is not safe?`,
      text: "Mail that still arrives at the old server will not be copied. This speaks against it:",
      reasons,
      typed: name,
      verb: "Delete",
    });
    if (!forced) return false;
    await send("DELETE", path(true));
    return true;
  }
}
