import { useMutation, useQueryClient } from "@tanstack/react-query";
import { send } from "../api/client.ts";
import { useSay } from "../frame/toasts.tsx";

export interface Act {
  readonly method?: "POST" | "DELETE";
  /** Below `/api/`. */
  readonly path: string;
  readonly body?: unknown;
  /** What has begun, as a sentence. */
  readonly begun: string;
}

/** Begins something with a batch or what is in it, says what came of it, and looks at the batch again. */
export function useAct(batch: string) {
  const client = useQueryClient();
  const say = useSay();
  return useMutation({
    mutationFn: ({ method = "POST", path, body }: Act) => send(method, path, body),
    onSuccess: (_, { begun }) => say(begun),
    onError: ({ message }) => say("Nothing was changed", message, "error"),
    onSettled: () => client.invalidateQueries({ queryKey: ["batches", batch] }),
  });
}
