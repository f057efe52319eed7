import { useEffect, useState } from "react";
import { dateTime, relative, utc } from "./format.ts";

/** An instant: roughly, or in full, and in UTC for whoever points at it. */
export function When({ at, full = false }: { at: string | null; full?: boolean }) {
  const now = useNow(full ? undefined : 30_000);
  if (at === null) return <span className="quiet">-</span>;
  return (
    <time dateTime={at} title={`${dateTime(at)} (${utc(at)})`}>
      {full ? dateTime(at) : relative(at, now)}
    </time>
  );
}

/** @param everyMs how often it moves on; never, if left out. */
export function useNow(everyMs: number | undefined): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (everyMs === undefined) return;
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
