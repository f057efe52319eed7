import { useQuery } from "@tanstack/react-query";
import { pathOf, read } from "../api/client.ts";
import { polled } from "../api/queries.ts";
import type { BatchView, HistoryAnswer, MailboxDetails } from "../api/types.ts";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { When } from "../parts/when.tsx";
import { whoIs } from "../parts/who.ts";
import { eventsOf } from "./events-text.ts";

/** The last that happened to a mailbox, and who did it. */
export function Events({ batch, mailbox }: { batch: BatchView; mailbox: MailboxDetails }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["batches", batch.name, "history", mailbox.id] as const,
    queryFn: ({ signal }) =>
      read<HistoryAnswer>(
        `${pathOf`batches/${batch.name}/history`}?${new URLSearchParams({ mailbox: mailbox.id })}`,
        signal,
      ),
    refetchInterval: polled<HistoryAnswer>(() => false),
  });
  return (
    <>
      <h2>What happened</h2>
      <Trouble error={error} onRetry={refetch} />
      {data === undefined && error === null ? <Waiting lines={3} /> : null}
      {data ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: whatever scrolls has to be reached by keyboard
        <div className="scroll-box" tabIndex={0} role="group" aria-label="What happened">
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">What</th>
                <th scope="col">Who</th>
              </tr>
            </thead>
            <tbody>
              {eventsOf(mailbox, data.value).map(({ at, what, by }) => (
                <tr key={`${at} ${what}`}>
                  <td>
                    <When at={at} full />
                  </td>
                  <th scope="row">{what}</th>
                  <td>{by === undefined ? "-" : whoIs(by)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </>
  );
}
