import { useQuery } from "@tanstack/react-query";
import { pathOf, read } from "../api/client.ts";
import { polled } from "../api/queries.ts";
import type { EndpointUsageView } from "../api/types.ts";
import { To } from "../frame/view.tsx";
import { Fact } from "../parts/fact.tsx";
import { clockTime, count } from "../parts/format.ts";
import { Trouble } from "../parts/trouble.tsx";
import { When } from "../parts/when.tsx";

/** Who is being read of the server now, and who waits. */
export function Usage({ name }: { name: string }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["endpoints", name, "usage"] as const,
    queryFn: ({ signal }) => read<EndpointUsageView>(pathOf`endpoints/${name}/usage`, signal),
    refetchInterval: polled<EndpointUsageView>(
      ({ initial, incremental, waitingCount }) => initial.used + incremental.used + waitingCount > 0,
    ),
  });
  return (
    <section className="sheet stack" aria-labelledby="usage-heading">
      <h2 id="usage-heading">In use now</h2>
      <Trouble error={error} onRetry={refetch} />
      {data ? (
        <>
          <dl className="facts">
            <Fact name="First copies">
              {count(data.initial.used)} of {count(data.initial.limit)}
            </Fact>
            <Fact name="Later rounds">
              {count(data.incremental.used)} of {count(data.incremental.limit)}
            </Fact>
            <Fact name="Mailboxes that wait">{count(data.waitingCount)}</Fact>
            {data.opensAt === null ? null : (
              <Fact name="Read again from">
                <When at={data.opensAt} full />
              </Fact>
            )}
            {data.batches.length === 0 ? null : (
              <Fact name="Batches at work">
                {data.batches.map((batch, index) => (
                  <span key={batch.name}>
                    {index > 0 ? ", " : ""}
                    <To to={`/batches/${batch.name}`}>{batch.name}</To>
                  </span>
                ))}
              </Fact>
            )}
          </dl>
          <p className="as-of">As of {clockTime(data.asOf)}</p>
        </>
      ) : null}
    </section>
  );
}
