import {
  Button,
  Checkbox,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  Field,
  Input,
} from "@fluentui/react-components";
import { useEffect, useState } from "react";
import type { Question, Yes } from "./question.ts";

/** A question, with the safe answer at hand. */
export default function Asking({
  question,
  answer,
}: {
  question: Question;
  answer: (yes: Yes | undefined) => void;
}) {
  const { title, text, verb, reasons = [], typed, ticked, also } = question;
  const [entered, setEntered] = useState("");
  const [isTicked, setTicked] = useState(false);
  const [isAlso, setAlso] = useState(false);
  useEffect(() => {
    const frame = requestAnimationFrame(() => document.querySelector<HTMLElement>(".safe")?.focus());
    return () => cancelAnimationFrame(frame);
  }, []);
  const mayGoOn = (typed === undefined || entered.trim() === typed) && (ticked === undefined || isTicked);
  return (
    <Dialog open modalType="alert" onOpenChange={(_, { open }) => open || answer(undefined)}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{title}</DialogTitle>
          <DialogContent className="stack">
            <div>{text}</div>
            {reasons.length > 0 ? (
              <ul className="reasons">
                {reasons.map((reason) => (
                  <li key={reason}>{reason}</li>
                ))}
              </ul>
            ) : null}
            {ticked === undefined ? null : (
              <Checkbox
                label={ticked}
                checked={isTicked}
                onChange={(_, data) => setTicked(data.checked === true)}
              />
            )}
            {also === undefined ? null : (
              <Checkbox
                label={also}
                checked={isAlso}
                onChange={(_, data) => setAlso(data.checked === true)}
              />
            )}
            {typed === undefined ? null : (
              <Field label={`Type ${typed} to go on`}>
                <Input value={entered} onChange={(_, data) => setEntered(data.value)} />
              </Field>
            )}
          </DialogContent>
          <DialogActions>
            <Button className="safe" onClick={() => answer(undefined)}>
              Cancel
            </Button>
            <Button appearance="primary" disabled={!mayGoOn} onClick={() => answer({ also: isAlso })}>
              {verb}
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
