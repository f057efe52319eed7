import { Checkbox, Field, Input, Switch, Textarea } from "@fluentui/react-components";
import type { StepProps } from "./new.tsx";
import { problem } from "./server-step.tsx";

export function OptionsStep({ draft, change, faultOf }: StepProps) {
  return (
    <>
      <p className="quiet">All mail of every folder is copied unless you choose otherwise here.</p>
      <div className="fields">
        <Field
          label="Leave folders out"
          hint="One a line: Spam/* for a folder and all below it, #JunkEmail# by its use."
        >
          <Textarea
            id="excludeFolders"
            value={draft.excludeFolders}
            onChange={(_, { value }) => change({ excludeFolders: value })}
          />
        </Field>
        <Field label="Copy these folders only" hint="One a line; all, if empty.">
          <Textarea
            id="includeFolders"
            value={draft.includeFolders}
            onChange={(_, { value }) => change({ includeFolders: value })}
          />
        </Field>
        <Field
          label="Rename folders"
          hint="One a line: Old name = New name."
          {...problem(faultOf("renameFolders"))}
        >
          <Textarea
            id="renameFolders"
            value={draft.renameFolders}
            onChange={(_, { value }) => change({ renameFolders: value })}
          />
        </Field>
      </div>
      <div className="fields">
        <Field label="Received on or after" hint="UTC; from the beginning, if empty.">
          <Input
            id="receivedSince"
            type="date"
            value={draft.receivedSince}
            onChange={(_, { value }) => change({ receivedSince: value })}
          />
        </Field>
        <Field label="Received before" {...problem(faultOf("receivedBefore"))}>
          <Input
            id="receivedBefore"
            type="date"
            value={draft.receivedBefore}
            onChange={(_, { value }) => change({ receivedBefore: value })}
          />
        </Field>
        <Field
          label="Largest message, in MB"
          hint="Larger ones are left out and listed."
          {...problem(faultOf("maxItemMegabytes"))}
        >
          <Input
            id="maxItemMegabytes"
            inputMode="numeric"
            value={draft.maxItemMegabytes}
            onChange={(_, { value }) => change({ maxItemMegabytes: value })}
          />
        </Field>
        <Field
          label="Skipped messages a mailbox may have"
          hint="With more it fails; without a number none does."
          {...problem(faultOf("skippedItemLimit"))}
        >
          <Input
            id="skippedItemLimit"
            inputMode="numeric"
            value={draft.skippedItemLimit}
            onChange={(_, { value }) => change({ skippedItemLimit: value })}
          />
        </Field>
      </div>
      <Field hint="Alberta deletes a message at the old server on Tuesday: on Wednesday it is in Deleted Items in Microsoft 365, too. Without this it stays where it is.">
        <Switch
          label="Deletions at the old server follow in Microsoft 365"
          checked={draft.propagateDeletes}
          onChange={(_, { checked }) => change({ propagateDeletes: checked })}
        />
      </Field>
      <Checkbox
        label="Test every login before anything is copied"
        checked={draft.testLogins}
        onChange={(_, { checked }) => change({ testLogins: checked === true })}
      />
    </>
  );
}
