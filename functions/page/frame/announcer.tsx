import { createContext, type ReactNode, useCallback, useContext, useMemo, useRef, useState } from "react";

/** Changes are told at most this often, so that nobody is talked over. */
const quietMs = 30_000;

const Announcer = createContext<(text: string) => void>(() => undefined);

/** Tells those who cannot see it what has changed. */
export function AnnouncerProvider({ children }: { children: ReactNode }) {
  const [text, setText] = useState("");
  const last = useRef(0);
  const pending = useRef<ReturnType<typeof setTimeout>>(undefined);
  const announce = useCallback((next: string) => {
    clearTimeout(pending.current);
    const wait = Math.max(0, last.current + quietMs - Date.now());
    pending.current = setTimeout(() => {
      last.current = Date.now();
      setText(next);
    }, wait);
  }, []);
  const value = useMemo(() => announce, [announce]);
  return (
    <Announcer value={value}>
      {children}
      <div role="status" className="unseen">
        {text}
      </div>
    </Announcer>
  );
}

export function useAnnounce(): (text: string) => void {
  return useContext(Announcer);
}
