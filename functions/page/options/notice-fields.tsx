import { Field, Input, Textarea } from "@fluentui/react-components";
import { problem } from "../parts/problem.ts";
import type { OptionFieldsProps } from "./copy-fields.tsx";

/** How it ends, and who is told of it. */
export function NoticeFields({ draft, change, faultOf }: OptionFieldsProps) {
  return (
    <>
      <Field
        label="Complete it by itself from"
        hint="Once every mailbox is synced and none has failed; by hand, if empty. In the time of this computer."
        className="short-field"
      >
        <Input
          id="completeAfter"
          type="datetime-local"
          value={draft.completeAfter}
          onChange={(_, { value }) => change({ completeAfter: value })}
        />
      </Field>
      <div className="fields">
        <Field
          label="Who gets mails about it"
          hint="One address a line. Its start, failures, the end of the first sync, the cut-over, its completion."
          {...problem(faultOf("notificationEmails"))}
        >
          <Textarea
            id="notificationEmails"
            value={draft.notificationEmails}
            onChange={(_, { value }) => change({ notificationEmails: value })}
          />
        </Field>
        <Field
          label="Hours between two reports by mail"
          hint="0 for none."
          {...problem(faultOf("reportIntervalHours"))}
        >
          <Input
            id="reportIntervalHours"
            inputMode="numeric"
            value={draft.reportIntervalHours}
            onChange={(_, { value }) => change({ reportIntervalHours: value })}
          />
        </Field>
      </div>
    </>
  );
}
