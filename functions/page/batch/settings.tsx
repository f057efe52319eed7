import { Button, MessageBar, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "../api/api-error.ts";
import { pathOf, send } from "../api/client.ts";
import { useMayOperate } from "../api/queries.ts";
import type { BatchView } from "../api/types.ts";
import { useSay } from "../frame/toasts.tsx";
import { CopyFields } from "../options/copy-fields.tsx";
import { NoticeFields } from "../options/notice-fields.tsx";
import { copyFaultsOf, draftOf, noticeFaultsOf, type OptionFault, patchOf } from "../options/options.ts";
import { Trouble } from "../parts/trouble.tsx";

/** The options of a batch, to be changed while it runs. */
export default function SettingsTab({ batch }: { batch: BatchView }) {
  const client = useQueryClient();
  const say = useSay();
  const mayOperate = useMayOperate();
  // What was there when the form was opened, or loaded again.
  const [seen, setSeen] = useState({ draft: draftOf(batch.options), etag: batch.optionsETag });
  const [draft, setDraft] = useState(seen.draft);
  const [faults, setFaults] = useState<readonly OptionFault[]>([]);
  const load = ({ options, optionsETag }: BatchView) => {
    const loaded = draftOf(options);
    setSeen({ draft: loaded, etag: optionsETag });
    setDraft(loaded);
  };
  const save = useMutation({
    mutationFn: () =>
      send<BatchView>("PATCH", pathOf`batches/${batch.name}`, patchOf(seen.draft, draft), seen.etag),
    onSuccess: ({ body }) => {
      load(body);
      say(`The settings of ${batch.name} are saved`);
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["batches", batch.name] }),
  });
  const isChanged = Object.keys(patchOf(seen.draft, draft)).length > 0;
  const isStale = save.error instanceof ApiError && save.error.status === 412;
  const props = {
    draft,
    change: (change: Partial<typeof draft>) => setDraft((now) => ({ ...now, ...change })),
    faultOf: (field: OptionFault["field"]) => faults.find((fault) => fault.field === field)?.text,
  };
  return (
    <form
      className="sheet stack"
      aria-label="Settings"
      onSubmit={(event) => {
        event.preventDefault();
        const found = [...copyFaultsOf(draft), ...noticeFaultsOf(draft)];
        setFaults(found);
        const [first] = found;
        if (first) document.getElementById(first.field)?.focus();
        else if (mayOperate && isChanged) save.mutate();
      }}
    >
      <p className="quiet">
        Changes hold from the next round of each mailbox on. What was copied before stays as it is.
      </p>
      {isStale ? (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>Somebody else has changed the settings meanwhile</MessageBarTitle>
            Yours are below. Load theirs, then enter your change again.{" "}
            <Button
              size="small"
              onClick={() => {
                save.reset();
                load(batch);
              }}
            >
              Load theirs
            </Button>
          </MessageBarBody>
        </MessageBar>
      ) : (
        <Trouble error={save.error} />
      )}
      <CopyFields {...props} />
      <h2>End and mails</h2>
      <NoticeFields {...props} />
      <div className="sheet-end">
        <Button
          type="submit"
          appearance="primary"
          disabledFocusable={!mayOperate || !isChanged || save.isPending}
        >
          Save
        </Button>
        <Button disabledFocusable={!isChanged} onClick={() => setDraft(seen.draft)}>
          Take back
        </Button>
      </div>
    </form>
  );
}
