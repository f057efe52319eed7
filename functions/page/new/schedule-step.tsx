import { Field, Input, Radio, RadioGroup } from "@fluentui/react-components";
import { NoticeFields } from "../options/notice-fields.tsx";
import { problem } from "../parts/problem.ts";
import type { Draft } from "./draft.ts";
import type { StepProps } from "./new.tsx";

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
      <NoticeFields draft={draft} change={change} faultOf={faultOf} />
      <p className="quiet">
        Once a mailbox is synced it is brought up to date every day, until you complete the batch. Lower the
        time to live of the MX record to an hour now: the cut-over tab of the batch says what it is, and when
        it is safe to give the batch up.
      </p>
    </>
  );
}
