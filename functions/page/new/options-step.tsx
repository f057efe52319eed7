import { Checkbox, Field } from "@fluentui/react-components";
import { CopyFields } from "../options/copy-fields.tsx";
import { RulesTried } from "../options/rules-tried.tsx";
import type { StepProps } from "./new.tsx";

export function OptionsStep({ draft, change, faultOf, tested }: StepProps) {
  return (
    <>
      <p className="quiet">All mail of every folder is copied unless you choose otherwise here.</p>
      <CopyFields draft={draft} change={change} faultOf={faultOf}>
        {tested ? (
          <RulesTried tested={tested} draft={draft} />
        ) : (
          <p className="quiet">
            Test a login in step 3, and what these rules do to its folders is shown here as you type.
          </p>
        )}
      </CopyFields>
      <Checkbox
        label="Test every login before anything is copied"
        checked={draft.testLogins}
        onChange={(_, { checked }) => change({ testLogins: checked === true })}
      />
      <Field hint="Every mailbox is counted on both sides, with how long it would take. Nothing is copied until you start it for real.">
        <Checkbox
          label="Rehearse first"
          checked={draft.rehearse}
          onChange={(_, { checked }) => change({ rehearse: checked === true })}
        />
      </Field>
    </>
  );
}
