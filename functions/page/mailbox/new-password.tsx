import { Button } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { endpointsQuery, useMayOperate } from "../api/queries.ts";
import type { BatchView, MailboxDetails } from "../api/types.ts";

const PasswordForm = lazy(() => import("./password-form.tsx"));

/** Offers to mend the password of a mailbox, where its endpoint logs in by passwords. */
export function NewPassword({ batch, mailbox }: { batch: BatchView; mailbox: MailboxDetails }) {
  const [isOpen, setOpen] = useState(false);
  const mayOperate = useMayOperate();
  const endpoints = useQuery(endpointsQuery).data?.value ?? [];
  const endpoint = endpoints.find(({ name }) => name === batch.endpoint);
  const settings = endpoint && "settings" in endpoint ? endpoint.settings : undefined;
  if (settings === undefined || settings.authentication !== "password") return null;
  return (
    <>
      <Button disabledFocusable={!mayOperate} onClick={() => setOpen(true)}>
        New password
      </Button>
      {isOpen ? (
        <Suspense fallback={null}>
          <PasswordForm
            batch={batch}
            mailbox={mailbox}
            user={settings.adminUser ?? mailbox.userName}
            host={settings.host}
            onClose={() => setOpen(false)}
          />
        </Suspense>
      ) : null}
    </>
  );
}
