import { Checkbox, Field, Input, Radio, RadioGroup, Switch, Textarea } from "@fluentui/react-components";
import type { ReactNode } from "react";
import { problem } from "../parts/problem.ts";
import type { OptionsDraft } from "./options.ts";

export interface OptionFieldsProps {
  readonly draft: OptionsDraft;
  readonly change: (change: Partial<OptionsDraft>) => void;
  readonly faultOf: (field: keyof OptionsDraft) => string | undefined;
}

/** What is copied, and how. */
export function CopyFields({
  draft,
  change,
  faultOf,
  children,
}: OptionFieldsProps & {
  /** Shown below what is said of folders. */
  readonly children?: ReactNode;
}) {
  return (
    <>
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
      <Checkbox
        label="Only folders that users have subscribed to"
        checked={draft.subscribedOnly}
        onChange={(_, { checked }) => change({ subscribedOnly: checked === true })}
      />
      <Field
        label="Put all of it below this folder"
        hint="A path such as Old mail; inbox to inbox, if empty."
        className="short-field"
        {...problem(faultOf("targetRootFolder"))}
      >
        <Input
          id="targetRootFolder"
          value={draft.targetRootFolder}
          onChange={(_, { value }) => change({ targetRootFolder: value })}
        />
      </Field>
      {children}
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
      <Field label="Messages that another program has put into Microsoft 365 already">
        <RadioGroup
          value={draft.adoptExisting}
          onChange={(_, { value }) => change({ adoptExisting: value as OptionsDraft["adoptExisting"] })}
        >
          <Radio value="off" label="Are not looked for" />
          <Radio value="folder" label="Count as copied where they are in the folder they belong to" />
          <Radio value="anywhere" label="Count as copied wherever they are" />
        </RadioGroup>
      </Field>
      <Field hint="Alberta deletes a message at the old server on Tuesday: on Wednesday it is in Deleted Items in Microsoft 365, too. Without this it stays where it is.">
        <Switch
          label="Deletions at the old server follow in Microsoft 365"
          checked={draft.propagateDeletes}
          onChange={(_, { checked }) => change({ propagateDeletes: checked })}
        />
      </Field>
    </>
  );
}
