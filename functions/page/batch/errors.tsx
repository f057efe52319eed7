import { Button, Link } from "@fluentui/react-components";
import { UndoIcon } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { pathOf } from "../api/client.ts";
import { errorsQuery, useMayOperate } from "../api/queries.ts";
import type { BatchView, ErrorListAnswer } from "../api/types.ts";
import { To } from "../frame/view.tsx";
import { useConfirm } from "../parts/confirm.tsx";
import { counted } from "../parts/format.ts";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { When } from "../parts/when.tsx";
import { retryQuestionOf } from "./acts.ts";
import { Remedy } from "./remedy.tsx";
import { useAct } from "./use-act.ts";

/** One block a code: how many mailboxes, what it means, what to do. */
export default function ErrorsTab({ batch }: { batch: BatchView }) {
  const { data, error, refetch } = useQuery(errorsQuery(batch.name));
  return (
    <section aria-label="Errors by code" className="stack">
      <Trouble error={error} onRetry={refetch} />
      {data === undefined && error === null ? <Waiting /> : null}
      {data?.value.length === 0 ? <p className="nothing">No mailbox has an error.</p> : null}
      {batch.failedCount > 0 ? (
        <p>
          Where passwords or addresses are wrong, mend this file and upload it as the batch's CSV; only
          changed rows are touched:{" "}
          <Link
            inline
            href={`/api/${pathOf`batches/${batch.name}/reports/failed-mailboxes.csv`}`}
            download={`${batch.name}-failed-mailboxes.csv`}
          >
            failed-mailboxes.csv
          </Link>
        </p>
      ) : null}
      {data?.value.map((group) => (
        <Code key={group.code} batch={batch} group={group} />
      ))}
    </section>
  );
}

function Code({ batch, group }: { batch: BatchView; group: ErrorListAnswer["value"][number] }) {
  const { code, mailboxCount, failedCount, message, lastSeenAt } = group;
  const confirm = useConfirm();
  const mayOperate = useMayOperate();
  const act = useAct(batch.name);
  const waiting = mailboxCount - failedCount;
  return (
    <article className="error-code">
      <header>
        <h2>{code}</h2>
        <span>
          {failedCount > 0 ? counted(failedCount, "mailbox failed", "mailboxes failed") : null}
          {failedCount > 0 && waiting > 0 ? ", " : null}
          {waiting > 0 ? `${counted(waiting, "waits", "wait")} and will be tried again` : null}
        </span>
        <span className="quiet">
          last seen <When at={lastSeenAt} />
        </span>
      </header>
      <p>{message}</p>
      <p className="remedy">
        <b>What to do: </b>
        <Remedy code={code} />
      </p>
      <div className="tools">
        {failedCount > 0 ? (
          <Button
            icon={<UndoIcon />}
            size="small"
            aria-label={`Retry these with ${code}`}
            disabledFocusable={!mayOperate || act.isPending}
            onClick={async () => {
              if (!(await confirm(retryQuestionOf(failedCount, code)))) return;
              act.mutate({
                path: pathOf`batches/${batch.name}/retry`,
                body: { filter: { errorCode: code } },
                begun: `${counted(failedCount, "mailbox is", "mailboxes are")} tried again`,
              });
            }}
          >
            Retry these
          </Button>
        ) : null}
        <To to={`/batches/${batch.name}/mailboxes?errorCode=${encodeURIComponent(code)}`}>
          Show {counted(mailboxCount, "mailbox", "mailboxes")}
        </To>
        {code === "EndpointHostChanged" || code === "EndpointInvalid" ? (
          <To to={`/endpoints/${batch.endpoint}`}>The endpoint {batch.endpoint}</To>
        ) : null}
      </div>
    </article>
  );
}
