import { Field, Input, Radio, RadioGroup, Textarea } from "@fluentui/react-components";
import type { Draft } from "./draft.ts";
import type { StepProps } from "./new.tsx";
import { problem } from "./server-step.tsx";

export function ScheduleStep({ draft, change, faultOf }: StepProps) {
  return (
    <>
      <Field label="When it starts">
        <RadioGroup
          value={draft.start}
          onChange={(_, { value }) => change({ start: value as Draft["start"] })}
        >
          <Radio value="now" label="As soon as the CSV is read" />
          <Radio value="later" label="At a time" />
          <Radio value="byHand" label="When I start it" />
        </RadioGroup>
      </Field>
      {draft.start === "later" ? (
        <Field label="Start at" hint="In the time of this computer." {...problem(faultOf("startAfter"))}>
          <Input
            id="startAfter"
            type="datetime-local"
            value={draft.startAfter}
            onChange={(_, { value }) => change({ startAfter: value })}
          />
        </Field>
      ) : null}
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
      <p className="quiet">
        Once a mailbox is synced it is brought up to date every day, until you complete the batch. Lower the
        time to live of the MX record to an hour now: the cut-over tab of the batch says what it is, and when
        it is safe to give the batch up.
      </p>
    </>
  );
}
