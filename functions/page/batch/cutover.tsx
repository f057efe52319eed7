import { Button, MessageBar, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";
import { PrintIcon, SyncIcon } from "@fluentui/react-icons";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useLocation } from "wouter";
import { pathOf, read, send } from "../api/client.ts";
import { cutoverQuery, useMayOperate } from "../api/queries.ts";
import type { BatchView, CheckView, CutoverView, DomainView } from "../api/types.ts";
import { offersOf } from "../batches/actions.ts";
import { useBatchAction } from "../batches/use-batch-action.ts";
import { useConfirm } from "../parts/confirm.tsx";
import { clockTime, counted, dateTime } from "../parts/format.ts";
import { StatusBadge } from "../parts/status-badge.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { verdictOf } from "./verdict.ts";

/** The checklist: may the batch be given up? */
export default function CutoverTab({ batch }: { batch: BatchView }) {
  const client = useQueryClient();
  const act = useBatchAction();
  const mayOperate = useMayOperate();
  const [, navigate] = useLocation();
  const { data, error, refetch } = useQuery(cutoverQuery(batch.name));
  const look = useMutation({
    mutationFn: () => read<CutoverView>(`${pathOf`batches/${batch.name}/cutover`}?refresh=true`),
    onSuccess: (view) => client.setQueryData(["batches", batch.name, "cutover"], view),
  });
  if (data === undefined) return error ? <Trouble error={error} onRetry={refetch} /> : <Waiting />;
  const verdict = verdictOf(data, dateTime);
  return (
    <section aria-label="Cut-over" className="stack cutover">
      <Trouble error={error ?? look.error} onRetry={refetch} />
      <MessageBar intent={verdict.intent} layout="multiline">
        <MessageBarBody>
          <MessageBarTitle>{verdict.title}</MessageBarTitle>
          {verdict.text}
        </MessageBarBody>
      </MessageBar>
      <div className="tools no-print">
        <Button icon={<SyncIcon />} disabledFocusable={look.isPending} onClick={() => look.mutate()}>
          {look.isPending ? "Asking DNS" : "Check DNS again"}
        </Button>
        {offersOf(batch, mayOperate)
          .filter(({ action }) => ["sync", "complete", "delete"].includes(action))
          .map(({ action, label, refused }) => (
            <Button
              key={action}
              disabledFocusable={refused !== undefined}
              title={refused}
              onClick={async () => {
                if ((await act(action, batch)) && action === "delete") navigate("/");
              }}
            >
              {label}
            </Button>
          ))}
        <Button icon={<PrintIcon />} onClick={() => print()}>
          Print
        </Button>
        <span className="tools-note">Looked at {clockTime(data.asOf)}</span>
      </div>
      {data.domains.map((domain) => (
        <Domain key={domain.domain} batch={batch} domain={domain} />
      ))}
      {data.domainCount > data.domains.length ? (
        <p className="quiet">
          The worst {data.domains.length} of {data.domainCount} domains are shown.
        </p>
      ) : null}
      <h2>The batch</h2>
      <Checks label="Checks of the batch" checks={data.checks} />
    </section>
  );
}

function Domain({ batch, domain }: { batch: BatchView; domain: DomainView }) {
  const client = useQueryClient();
  const confirm = useConfirm();
  const mayOperate = useMayOperate();
  const say = useMutation({
    mutationFn: (handsMailOn: boolean) =>
      send("POST", pathOf`batches/${batch.name}/cutover/confirm`, { domain: domain.domain, handsMailOn }),
    onSettled: () => client.invalidateQueries({ queryKey: ["batches", batch.name, "cutover"] }),
  });
  return (
    <article>
      <h2>
        {domain.domain} <span className="quiet">{counted(domain.mailboxes, "mailbox", "mailboxes")}</span>
      </h2>
      <Trouble error={say.error} />
      <Checks label={`Checks of ${domain.domain}`} checks={domain.checks} />
      {domain.filter === null ? null : (
        <Button
          className="no-print"
          disabledFocusable={!mayOperate}
          onClick={async () => {
            const holds = domain.confirmed === null;
            const yes = await confirm(
              holds
                ? {
                    title: `Does ${domain.filter} hand mail of ${domain.domain} to Microsoft 365?`,
                    text: "That cannot be seen from outside. Your word is recorded with your name.",
                    ticked: "I have looked at the settings of the filter service",
                    verb: "Confirm",
                  }
                : {
                    title: `Take the word for ${domain.domain} back?`,
                    text: "The check counts as not done again.",
                    verb: "Take back",
                  },
            );
            if (yes) say.mutate(holds);
          }}
        >
          {domain.confirmed === null ? `${domain.filter} hands mail on` : "Take the confirmation back"}
        </Button>
      )}
    </article>
  );
}

const names: Readonly<Record<string, string>> = {
  mx: "MX record",
  ttl: "Time to live",
  moved: "Time since the change",
  lastRound: "Last sync",
  lateMail: "Mail at the old server",
  mailboxes: "Mailboxes",
  settling: "Time since the start",
  verification: "Verification",
};

function Checks({ label, checks }: { label: string; checks: readonly CheckView[] }) {
  return (
    <table className="checks" aria-label={label}>
      <thead>
        <tr>
          <th scope="col">Check</th>
          <th scope="col">Verdict</th>
          <th scope="col">Found</th>
          <th scope="col">What to do</th>
        </tr>
      </thead>
      <tbody>
        {checks.map(({ check, verdict, value, advice }) => (
          <tr key={check}>
            <th scope="row">{names[check] ?? check}</th>
            <td>
              <StatusBadge status={verdict} />
            </td>
            <td>{value}</td>
            <td>{advice ?? <span className="quiet">Nothing</span>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
