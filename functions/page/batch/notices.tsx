import { useQuery } from "@tanstack/react-query";
import { noticesQuery } from "../api/queries.ts";
import type { BatchView, NoticeView } from "../api/types.ts";
import { wordsFor } from "../parts/status.ts";
import { StatusBadge } from "../parts/status-badge.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { When } from "../parts/when.tsx";

const looks: Readonly<Record<NoticeView["state"], { readonly status: string; readonly words: string }>> = {
  sending: { status: "Running", words: "Being sent" },
  waiting: { status: "wait", words: "Tried again" },
  sent: { status: "ok", words: "Sent" },
  failed: { status: "failed", words: "Not sent" },
  inDoubt: { status: "warning", words: "May have been sent" },
};

/** The mails to the operators, and what became of them. */
export default function Notices({ batch }: { batch: BatchView }) {
  const { data, error, refetch } = useQuery(noticesQuery(batch.name));
  if (error) return <Trouble error={error} onRetry={refetch} />;
  if (data === undefined) return null;
  if (data.value.length === 0)
    return <p className="nothing">No mail was sent: the batch names nobody who gets any.</p>;
  return (
    <table className="checks" aria-label="Mails to the operators">
      <thead>
        <tr>
          <th scope="col">Mail</th>
          <th scope="col">State</th>
          <th scope="col">When</th>
          <th scope="col">About</th>
        </tr>
      </thead>
      <tbody>
        {data.value.map((notice) => (
          <tr key={`${notice.kind} ${notice.at}`}>
            <th scope="row">{wordsFor(notice.kind)}</th>
            <td>
              <StatusBadge status={looks[notice.state].status}>{looks[notice.state].words}</StatusBadge>
            </td>
            <td>
              <When at={notice.since} full />
            </td>
            <td>
              {notice.error ? (
                <>
                  <b>{notice.error.code}</b>: {notice.error.message}
                </>
              ) : (
                notice.covers.join(", ") || <span className="quiet">The batch</span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
