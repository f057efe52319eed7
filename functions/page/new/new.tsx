import { Button, MessageBar, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";
import { useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { View } from "../frame/view.tsx";
import type { TestedFolders } from "../options/rules-tried.tsx";
import { type Draft, emptyDraft, type Fault, faultsOf } from "./draft.ts";
import { EndpointStep } from "./endpoint-step.tsx";
import { keepDraft, keptDraft } from "./keep.ts";
import { type ChosenFile, MailboxesStep } from "./mailboxes-step.tsx";
import { OptionsStep } from "./options-step.tsx";
import { ReviewStep } from "./review-step.tsx";
import { ScheduleStep } from "./schedule-step.tsx";
import { ServerStep } from "./server-step.tsx";

const steps = [
  "Find the server",
  "Mailboxes",
  "Endpoint",
  "Options",
  "Schedule",
  "Review and start",
] as const;

export interface StepProps {
  readonly draft: Draft;
  readonly change: (change: Partial<Draft>) => void;
  /** What is wrong with a field, once somebody wanted to go on. */
  readonly faultOf: (field: Fault["field"]) => string | undefined;
  readonly file: ChosenFile | undefined;
  readonly choose: (file: ChosenFile | undefined) => void;
  /** Of the login that was tested last; kept for as long as the page is open. */
  readonly tested: TestedFolders | undefined;
  readonly setTested: (tested: TestedFolders | undefined) => void;
}

/** The six steps, each at an address of its own. */
export default function NewMigration({ step: wanted }: { step: string }) {
  const step = Math.min(Math.max(Number.parseInt(wanted, 10) || 1, 1), steps.length);
  const [, navigate] = useLocation();
  const [draft, setDraft] = useState(keptDraft);
  const [file, choose] = useState<ChosenFile>();
  const [tested, setTested] = useState<TestedFolders>();
  const [faults, setFaults] = useState<readonly Fault[]>([]);
  const heading = useRef<HTMLHeadingElement>(null);
  const summary = useRef<HTMLDivElement>(null);
  useEffect(() => keepDraft(draft), [draft]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: at each step anew
  useEffect(() => {
    setFaults([]);
    heading.current?.focus();
  }, [step]);

  const props: StepProps = {
    draft,
    file,
    choose,
    tested,
    setTested,
    change: (change) => setDraft((now) => ({ ...now, ...change })),
    faultOf: (field) => faults.find((fault) => fault.field === field)?.text,
  };
  const goOn = () => {
    const found = faultsOf(step, draft, file);
    setFaults(found);
    if (found.length === 0) navigate(`/new/${step + 1}`);
    else requestAnimationFrame(() => summary.current?.focus());
  };
  const started = (batch: string) => {
    setDraft(emptyDraft);
    keepDraft(undefined);
    navigate(`/batches/${batch}`);
  };

  return (
    <View title="New migration" crumbs={[{ label: "Batches", to: "/" }]}>
      <ol className="steps" aria-label="Steps">
        {steps.map((name, index) => (
          <li
            key={name}
            className={index + 1 === step ? "step step-here" : index + 1 < step ? "step step-done" : "step"}
            {...(index + 1 === step ? { "aria-current": "step" } : {})}
          >
            <span className="step-number">{index + 1}</span>
            {name}
          </li>
        ))}
      </ol>
      <section className="sheet stack" aria-labelledby="step-heading">
        <h2 id="step-heading" ref={heading} tabIndex={-1}>
          {step}. {steps[step - 1]}
        </h2>
        {faults.length > 0 ? (
          <div ref={summary} tabIndex={-1} role="alert" className="no-outline">
            <MessageBar intent="error" layout="multiline">
              <MessageBarBody>
                <MessageBarTitle>Something is missing</MessageBarTitle>
                <ul className="reasons">
                  {faults.map(({ field, text }) => (
                    <li key={text}>
                      <a className="link" href={`#${field}`} onClick={(event) => focusField(event, field)}>
                        {text}
                      </a>
                    </li>
                  ))}
                </ul>
              </MessageBarBody>
            </MessageBar>
          </div>
        ) : null}
        {step === 1 ? <ServerStep {...props} /> : null}
        {step === 2 ? <MailboxesStep {...props} /> : null}
        {step === 3 ? <EndpointStep {...props} /> : null}
        {step === 4 ? <OptionsStep {...props} /> : null}
        {step === 5 ? <ScheduleStep {...props} /> : null}
        {step === 6 ? <ReviewStep {...props} onStarted={started} /> : null}
        <div className="sheet-end">
          {step > 1 ? <Button onClick={() => navigate(`/new/${step - 1}`)}>Back</Button> : null}
          {step < steps.length ? (
            <Button appearance="primary" onClick={goOn}>
              Next: {steps[step]}
            </Button>
          ) : null}
        </div>
      </section>
    </View>
  );
}

function focusField(event: React.MouseEvent, field: string): void {
  event.preventDefault();
  document.getElementById(field)?.focus();
}
