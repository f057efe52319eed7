import { useQuery } from "@tanstack/react-query";
import { pathOf, read } from "../api/client.ts";
import type { BatchView, MailboxListAnswer } from "../api/types.ts";
import { To } from "../frame/view.tsx";
import { counted } from "../parts/format.ts";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { When } from "../parts/when.tsx";
import { Remedy } from "./remedy.tsx";

/** One block a code: how many mailboxes, what it means, what to do. */
export default function ErrorsTab({ batch }: { batch: BatchView }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["batches", batch.name, "errors"],
    queryFn: async ({ signal }) => {
      const path = pathOf`batches/${batch.name}/mailboxes`;
      const { facets } = await read<MailboxListAnswer>(`${path}?$top=1`, signal);
      const codes = Object.entries(facets.errorCode).sort(([, a], [, b]) => b - a);
      return Promise.all(
        codes.map(async ([code, mailboxes]) => {
          const query = new URLSearchParams({ errorCode: code, $top: "1" });
          const [example] = (await read<MailboxListAnswer>(`${path}?${query}`, signal)).value;
          return { code, mailboxes, example };
        }),
      );
    },
    refetchInterval: 30_000,
  });
  return (
    <section aria-label="Errors by code" className="stack">
      <Trouble error={error} onRetry={refetch} />
      {data === undefined && error === null ? <Waiting /> : null}
      {data?.length === 0 ? <p className="nothing">No mailbox has an error.</p> : null}
      {data?.map(({ code, mailboxes, example }) => (
        <article key={code} className="error-code">
          <header>
            <h2>{code}</h2>
            <span>{counted(mailboxes, "mailbox", "mailboxes")}</span>
            {example?.error ? (
              <span className="quiet">
                last seen <When at={example.error.at} />
              </span>
            ) : null}
          </header>
          {example?.error ? <p>{example.error.message}</p> : null}
          <p className="remedy">
            <b>What to do: </b>
            <Remedy code={code} />
          </p>
          <To to={`/batches/${batch.name}/mailboxes?errorCode=${encodeURIComponent(code)}`}>
            Show {counted(mailboxes, "mailbox", "mailboxes")}
          </To>
        </article>
      ))}
    </section>
  );
}
