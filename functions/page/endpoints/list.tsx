import { useQuery } from "@tanstack/react-query";
import { batchesQuery, endpointsQuery } from "../api/queries.ts";
import type { EndpointListAnswer } from "../api/types.ts";
import { To, View } from "../frame/view.tsx";
import { type Column, Grid } from "../parts/grid.tsx";
import { StatusBadge } from "../parts/status-badge.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";

type Stored = EndpointListAnswer["value"][number];

/** Every source server, and which batches use it. */
export default function EndpointList() {
  const { data, error, refetch } = useQuery(endpointsQuery);
  const batches = useQuery(batchesQuery).data?.value ?? [];
  const usersOf = ({ name }: Stored) => batches.filter(({ endpoint }) => endpoint === name);
  const serverOf = (endpoint: Stored) =>
    "settings" in endpoint ? `${endpoint.settings.host}:${endpoint.settings.port}` : "-";
  const columns: readonly Column<Stored>[] = [
    {
      id: "name",
      label: "Name",
      width: "minmax(140px, 1fr)",
      interactive: true,
      cell: ({ name }) => <To to={`/endpoints/${name}`}>{name}</To>,
    },
    {
      id: "server",
      label: "Server",
      width: "minmax(180px, 1.6fr)",
      cell: (endpoint) => <span className="cut">{serverOf(endpoint)}</span>,
    },
    {
      id: "security",
      label: "Encryption",
      width: "minmax(120px, 1fr)",
      cell: (endpoint) => ("settings" in endpoint ? encryptions[endpoint.settings.security] : "-"),
    },
    {
      id: "state",
      label: "Settings",
      width: "170px",
      cell: (endpoint) => (
        <StatusBadge status={"settings" in endpoint ? "ok" : "failed"}>
          {"settings" in endpoint ? "Sound" : "Need attention"}
        </StatusBadge>
      ),
    },
    {
      id: "batches",
      label: "Used by",
      width: "minmax(140px, 1.2fr)",
      cell: (endpoint) => (
        <span className="cut">
          {usersOf(endpoint)
            .map(({ name }) => name)
            .join(", ") || "no batch"}
        </span>
      ),
    },
  ];
  return (
    <View title="Endpoints">
      <p className="totals">
        The servers that mail is copied from. A new one is made in the first steps of a migration.
      </p>
      <Trouble error={error} onRetry={refetch} />
      {data === undefined && error === null ? <Waiting /> : null}
      {data?.value.length === 0 ? (
        <section className="empty">
          <h2>There is no endpoint yet</h2>
          <p>
            <To to="/new/1">New migration</To> finds the server of a domain and makes one.
          </p>
        </section>
      ) : null}
      {data && data.value.length > 0 ? (
        <Grid
          label="Endpoints"
          columns={columns}
          count={data.value.length}
          rowAt={(index) => data.value[index]}
          keyOf={({ name }) => name}
          short={data.value.length <= 30}
          card={(endpoint) => (
            <>
              <div className="card-line">
                <To to={`/endpoints/${endpoint.name}`}>{endpoint.name}</To>
              </div>
              <div className="card-line quiet">
                <span className="cut">{serverOf(endpoint)}</span>
              </div>
            </>
          )}
        />
      ) : null}
    </View>
  );
}

export const encryptions = { ssl: "TLS", tls: "STARTTLS", none: "None" } as const;
