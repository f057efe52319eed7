import { Toaster } from "@fluentui/react-components";
import { toasterId } from "./toaster-id.ts";

/** Where toasts are shown; not part of what is needed first. */
export default function Toasts() {
  return <Toaster toasterId={toasterId} position="bottom-end" />;
}
