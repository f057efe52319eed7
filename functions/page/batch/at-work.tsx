import { useQuery } from "@tanstack/react-query";
import { operationsQuery } from "../api/queries.ts";
import type { BatchView, OperationView } from "../api/types.ts";
import { count, counted } from "../parts/format.ts";
import { Progress } from "../parts/progress.tsx";
import { wordsFor } from "../parts/status.ts";

/** How far what was begun has got. */
export default function AtWork({ batch }: { batch: BatchView }) {
  const { data } = useQuery(operationsQuery(batch.name));
  const open = data?.value.filter(({ endedAt }) => endedAt === null) ?? [];
  if (open.length === 0) return null;
  return (
    <ul className="at-work" aria-label="What is under way">
      {open.map((operation) => (
        <li key={operation.id}>
          <Operation operation={operation} />
        </li>
      ))}
    </ul>
  );
}

function Operation({ operation: { kind, status, passedCount, totalCount } }: { operation: OperationView }) {
  const name = wordsFor(kind);
  if (status === "Waiting") return `${name}: waits for what was begun before it`;
  if (totalCount === null || totalCount === 0)
    return `${name}: ${counted(passedCount, "mailbox", "mailboxes")} done`;
  return (
    <Progress
      value={Math.min(100, Math.floor((100 * passedCount) / totalCount))}
      label={`${name}: ${count(passedCount)} of ${counted(totalCount, "mailbox", "mailboxes")} done`}
    />
  );
}
