import { useEffect, useState } from "react";

/** Milliseconds within which one place follows another. */
const followsMs = 500;
/** When such a place was last seen; the first frame, which was there before this, is one. */
let seenAt = performance.now();

/** The place of what is on its way; nothing is shown while that takes no time, but what is shown stays. */
export function Waiting({ lines = 6 }: { lines?: number }) {
  const [late, setLate] = useState(() => performance.now() - seenAt < followsMs);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 200);
    return () => clearTimeout(timer);
  }, []);
  useEffect(() => {
    if (!late) return;
    return () => {
      seenAt = performance.now();
    };
  }, [late]);
  if (!late) return null;
  return (
    <div className="waiting" aria-busy="true">
      <span className="unseen">Loading</span>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: all are alike
        <span key={line} className="bone" />
      ))}
    </div>
  );
}
