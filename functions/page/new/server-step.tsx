import {
  Button,
  Checkbox,
  Field,
  Input,
  MessageBar,
  MessageBarBody,
  MessageBarTitle,
  Radio,
  RadioGroup,
  Select,
  Spinner,
} from "@fluentui/react-components";
import { useMutation, useQuery } from "@tanstack/react-query";
import { read } from "../api/client.ts";
import { endpointsQuery } from "../api/queries.ts";
import type { DiscoveryView } from "../api/types.ts";
import { problem } from "../parts/problem.ts";
import { StatusBadge } from "../parts/status-badge.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { type Draft, nameFrom } from "./draft.ts";
import type { StepProps } from "./new.tsx";
import { securities } from "./securities.ts";

type Server = DiscoveryView["value"][number];

export function ServerStep({ draft, change, faultOf }: StepProps) {
  const endpoints = useQuery(endpointsQuery).data?.value ?? [];
  const find = useMutation({
    mutationFn: (domain: string) =>
      read<DiscoveryView>(`discover?${new URLSearchParams({ domain: domain.trim() })}`),
  });
  const use = ({ endpoint }: Server) =>
    change({
      host: endpoint.host,
      port: String(endpoint.port),
      security: endpoint.security,
      allowInsecure: false,
      endpoint: nameFrom(draft.domain),
    });
  return (
    <>
      {endpoints.length > 0 ? (
        <Field label="Which server">
          <RadioGroup
            value={draft.endpointMode}
            onChange={(_, { value }) =>
              change({ endpointMode: value as Draft["endpointMode"], endpoint: "" })
            }
          >
            <Radio value="new" label="Another server" />
            <Radio value="existing" label="The server of an endpoint that is there" />
          </RadioGroup>
        </Field>
      ) : null}
      {draft.endpointMode === "existing" ? (
        <Field label="Endpoint" {...problem(faultOf("endpoint"))}>
          <Select
            id="endpoint"
            value={draft.endpoint}
            onChange={(_, { value }) => change({ endpoint: value })}
          >
            <option value="">Choose one</option>
            {endpoints.map((endpoint) => (
              <option key={endpoint.name} value={endpoint.name} disabled={!("settings" in endpoint)}>
                {endpoint.name}
                {"settings" in endpoint ? ` (${endpoint.settings.host})` : ": its file needs attention"}
              </option>
            ))}
          </Select>
        </Field>
      ) : (
        <>
          <form
            className="line-form"
            onSubmit={(event) => {
              event.preventDefault();
              if (draft.domain.trim() !== "") find.mutate(draft.domain);
            }}
          >
            <Field
              label="Domain of the mail addresses"
              hint="Such as contoso.com. Nothing secret is sent there."
            >
              <Input
                id="domain"
                value={draft.domain}
                onChange={(_, { value }) => change({ domain: value })}
              />
            </Field>
            <Button type="submit" disabledFocusable={find.isPending}>
              Find
            </Button>
          </form>
          {find.isPending ? (
            <Spinner label="Servers are looked for, and each is looked at" labelPosition="after" />
          ) : null}
          <Trouble error={find.error} />
          {find.data ? <Found found={find.data} onUse={use} used={draft.host} /> : null}
          <h3>The server</h3>
          <div className="fields">
            <Field label="Host name" required {...problem(faultOf("host"))}>
              <Input id="host" value={draft.host} onChange={(_, { value }) => change({ host: value })} />
            </Field>
            <Field label="Port" required {...problem(faultOf("port"))}>
              <Input
                id="port"
                inputMode="numeric"
                value={draft.port}
                onChange={(_, { value }) => change({ port: value })}
              />
            </Field>
            <Field label="Encryption">
              <Select
                id="security"
                value={draft.security}
                onChange={(_, { value }) => change({ security: value as Draft["security"] })}
              >
                {Object.entries(securities).map(([value, label]) => (
                  <option key={value} value={value}>
                    {label}
                  </option>
                ))}
              </Select>
            </Field>
          </div>
          {draft.security === "none" ? (
            <Field {...problem(faultOf("allowInsecure"))}>
              <Checkbox
                id="allowInsecure"
                label="I accept that passwords and mail travel in the clear"
                checked={draft.allowInsecure}
                onChange={(_, { checked }) => change({ allowInsecure: checked === true })}
              />
            </Field>
          ) : null}
          <p className="quiet">
            A mail program that reads this mail shows the server's name among its account settings, as
            incoming or IMAP server.
          </p>
        </>
      )}
    </>
  );
}

function Found({
  found,
  onUse,
  used,
}: {
  found: DiscoveryView;
  onUse: (server: Server) => void;
  used: string;
}) {
  if (found.value.length === 0)
    return (
      <MessageBar intent="warning" layout="multiline">
        <MessageBarBody>
          <MessageBarTitle>Nothing answered for {found.domain}</MessageBarTitle>
          Enter the server by hand.
        </MessageBarBody>
      </MessageBar>
    );
  return (
    <>
      <ul className="found" aria-label="Servers found, best first">
        {found.value.map((server) => (
          <li key={`${server.host} ${server.port} ${server.security}`}>
            <div>
              <b>{server.host}</b> port {server.port}, {securities[server.security]}
            </div>
            <div>
              <StatusBadge status={server.outcome} /> {server.message}
            </div>
            <div className="quiet">
              {server.foundBy.map(({ source, from }) => `${source}: ${from}`).join("; ")}
              {server.certificate
                ? `. Certificate of ${server.certificate.issuer} until ${server.certificate.validTo.slice(0, 10)}`
                : ""}
            </div>
            <Button
              size="small"
              onClick={() => onUse(server)}
              aria-label={`Use ${server.host}, port ${server.port}`}
            >
              {server.host === used ? "Used" : "Use"}
            </Button>
          </li>
        ))}
      </ul>
      {found.notes.length > 0 ? (
        <details>
          <summary>What else was found</summary>
          <ul>
            {found.notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </details>
      ) : null}
    </>
  );
}
