import { Button, MessageBar, MessageBarBody, MessageBarTitle, Spinner } from "@fluentui/react-components";
import { StartIcon } from "@fluentui/react-icons";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Fragment } from "react";
import { call, pathOf, send } from "../api/client.ts";
import { useMayOperate } from "../api/queries.ts";
import { To } from "../frame/view.tsx";
import { optionLines } from "../options/options-text.ts";
import { counted } from "../parts/format.ts";
import { Trouble } from "../parts/trouble.tsx";
import { batchOptionsOf, endpointOf, faultsOf } from "./draft.ts";
import { store } from "./endpoint-step.tsx";
import type { StepProps } from "./new.tsx";
import { securities } from "./securities.ts";

export function ReviewStep({
  draft,
  file,
  onStarted,
}: StepProps & { readonly onStarted: (batch: string) => void }) {
  const client = useQueryClient();
  const mayOperate = useMayOperate();
  const missing = [1, 2, 3, 4, 5].flatMap((step) =>
    faultsOf(step, draft, file).map((fault) => ({ step, ...fault })),
  );
  const options = batchOptionsOf(draft);
  const start = useMutation({
    mutationFn: async () => {
      if (file === undefined) return;
      if (draft.endpointMode === "new") await store(draft.endpoint, endpointOf(draft));
      await send("PUT", pathOf`uploads/${draft.endpoint}/${draft.batch}.json`, options);
      await call(pathOf`uploads/${draft.endpoint}/${draft.batch}.csv`, {
        method: "PUT",
        body: file.file,
        contentType: "text/csv",
      });
    },
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["batches"] });
      onStarted(draft.batch);
    },
  });
  return (
    <>
      <dl className="review">
        <dt>Server</dt>
        <dd>
          {draft.endpointMode === "existing"
            ? `As the endpoint ${draft.endpoint} says`
            : `${draft.host}, port ${draft.port}, ${draft.security === "none" ? "not encrypted" : securities[draft.security]}, as the endpoint ${draft.endpoint}`}
        </dd>
        <dt>Mailboxes</dt>
        <dd>
          {file
            ? `${counted(file.validRows, "mailbox", "mailboxes")} of ${file.file.name}, as the batch ${draft.batch}`
            : "No CSV is chosen"}
        </dd>
        {optionLines(options).map(([name, text]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </Fragment>
        ))}
        <dt>Not copied</dt>
        <dd>Contacts, calendars, tasks and rules: IMAP does not hold them.</dd>
      </dl>
      {missing.length > 0 ? (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>Something is missing</MessageBarTitle>
            <ul className="reasons">
              {missing.map(({ step, text }) => (
                <li key={text}>
                  <To to={`/new/${step}`}>{text}</To>
                </li>
              ))}
            </ul>
          </MessageBarBody>
        </MessageBar>
      ) : null}
      {start.isPending ? <Spinner label="The CSV is being handed over" labelPosition="after" /> : null}
      <Trouble error={start.error} onRetry={() => start.mutate()} />
      <div>
        <Button
          appearance="primary"
          icon={<StartIcon />}
          disabledFocusable={missing.length > 0 || start.isPending || !mayOperate}
          onClick={() => missing.length === 0 && start.mutate()}
        >
          {draft.start !== "now"
            ? "Create the batch"
            : draft.rehearse
              ? "Start the rehearsal"
              : "Start the migration"}
        </Button>
      </div>
    </>
  );
}
