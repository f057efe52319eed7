import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  Field,
  Input,
} from "@fluentui/react-components";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call, pathOf } from "../api/client.ts";
import type { BatchView, MailboxDetails } from "../api/types.ts";
import { useSay } from "../frame/toasts.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { passwordRow } from "./password-row.ts";

/**
 * Asks for the new password of a mailbox, and sends it as a CSV of one row. It is kept nowhere else, and gone with the form.
 * @param user whose password it is. @param host of the server that it is for.
 */
export default function PasswordForm({
  batch,
  mailbox,
  user,
  host,
  onClose,
}: {
  batch: BatchView;
  mailbox: MailboxDetails;
  user: string;
  host: string;
  onClose: () => void;
}) {
  const client = useQueryClient();
  const say = useSay();
  const [password, setPassword] = useState("");
  const send = useMutation({
    mutationFn: () =>
      call(pathOf`uploads/${batch.endpoint}/${batch.name}.csv`, {
        method: "PUT",
        body: passwordRow(mailbox, password),
        contentType: "text/csv",
      }),
    onSuccess: () => {
      say(`${mailbox.emailAddress} has a new password`, "It is used from the next login on.");
      void client.invalidateQueries({ queryKey: ["batches", batch.name] });
      onClose();
    },
  });
  const mayGoOn = password.trim() !== "" && !send.isPending;
  return (
    <Dialog open onOpenChange={(_, { open }) => open || onClose()}>
      <DialogSurface>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (mayGoOn) send.mutate();
          }}
        >
          <DialogBody>
            <DialogTitle>New password for {mailbox.emailAddress}</DialogTitle>
            <DialogContent className="stack">
              <div>
                It is sealed for {host} alone, and takes the place of the one in the CSV. A mailbox that
                failed for its password goes on with it.
              </div>
              <Field label={`Password of ${user}`} required>
                <Input
                  type="password"
                  autoComplete="new-password"
                  value={password}
                  onChange={(_, { value }) => setPassword(value)}
                />
              </Field>
              <Trouble error={send.error} />
            </DialogContent>
            <DialogActions>
              <Button onClick={onClose}>Cancel</Button>
              <Button type="submit" appearance="primary" disabled={!mayGoOn}>
                Save password
              </Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}
