import { Button, Field, Input } from "@fluentui/react-components";
import { useState } from "react";
import { useMayOperate } from "../api/queries.ts";
import type { EndpointView } from "../api/types.ts";
import { problem } from "../parts/problem.ts";
import { NotSaved } from "./not-saved.tsx";
import {
  type ProtectionDraft,
  type ProtectionFault,
  protectionFaultsOf,
  protectionOf,
  withProtection,
} from "./protection.ts";
import { useSaveEndpoint } from "./use-save-endpoint.ts";

const zones = Intl.supportedValuesOf("timeZone");
const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

interface ProtectionProps {
  readonly name: string;
  readonly settings: EndpointView;
  readonly etag: string | null;
}

/** How much is asked of the server, and at which hours. */
export function Protection({ name, settings, etag }: ProtectionProps) {
  const mayOperate = useMayOperate();
  const save = useSaveEndpoint(name, etag);
  const [draft, setDraft] = useState(() => protectionOf(settings, ownZone));
  const [faults, setFaults] = useState<readonly ProtectionFault[]>([]);
  const field = (id: keyof ProtectionDraft, label: string, hint: string, type?: "time") => (
    <Field label={label} hint={hint} {...problem(faults.find((fault) => fault.field === id)?.text)}>
      <Input
        id={id}
        value={draft[id]}
        {...(type ? { type } : id === "timeZone" ? { list: "zones" } : { inputMode: "decimal" })}
        onChange={(_, { value }) => setDraft((now) => ({ ...now, [id]: value }))}
      />
    </Field>
  );
  return (
    <form
      className="sheet stack"
      aria-labelledby="protection-heading"
      onSubmit={(event) => {
        event.preventDefault();
        const found = protectionFaultsOf(draft);
        setFaults(found);
        const [first] = found;
        if (first) document.getElementById(first.field)?.focus();
        else if (mayOperate) save.mutate(JSON.stringify(withProtection(settings, draft)));
      }}
    >
      <h2 id="protection-heading">How much is asked of the server</h2>
      <NotSaved name={name} error={save.error} />
      <div className="fields">
        {field("maxConcurrentMigrations", "Mailboxes at once, first copy", "Fewer, if the server is slow.")}
        {field("maxConcurrentIncrementalSyncs", "Mailboxes at once, later", "In the daily rounds.")}
        {field("megabytesPerSecond", "MB a second", "Of all mailboxes together; no limit, if empty.")}
        {field("maxMessagesPerSecond", "Messages a second", "Of all mailboxes together; no limit, if empty.")}
        {field(
          "megabytesPerDay",
          "MB a day and mailbox",
          "For providers with a daily limit; of Gmail 2500 without it.",
        )}
      </div>
      <div className="fields">
        {field("from", "Read from", "Mailboxes pause at other hours; at any hour, if empty.", "time")}
        {field("to", "Until", "A time before the first is one of the next day.", "time")}
        {field("timeZone", "By the clocks of", "Summer time included, such as Europe/Berlin.")}
        <datalist id="zones">
          {zones.map((zone) => (
            <option key={zone} value={zone} />
          ))}
        </datalist>
      </div>
      <div>
        <Button type="submit" appearance="primary" disabledFocusable={!mayOperate || save.isPending}>
          Save limits
        </Button>
      </div>
    </form>
  );
}
