import { Toast, ToastBody, ToastTitle, useToastController } from "@fluentui/react-components";
import { useCallback } from "react";
import { toasterId } from "./toaster-id.ts";

/** Says what has come of an action. */
export function useSay(): (title: string, body?: string, intent?: "success" | "error" | "info") => void {
  const { dispatchToast } = useToastController(toasterId);
  return useCallback(
    (title, body, intent = "success") =>
      dispatchToast(
        <Toast>
          <ToastTitle>{title}</ToastTitle>
          {body ? <ToastBody>{body}</ToastBody> : null}
        </Toast>,
        { intent, timeout: intent === "error" ? 15_000 : 6_000 },
      ),
    [dispatchToast],
  );
}
