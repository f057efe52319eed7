import { createContext, lazy, type ReactNode, Suspense, useCallback, useContext, useState } from "react";
import type { Question, Yes } from "./question.ts";

/** Comes when it is needed first: a dialog weighs a tenth of the page. */
const Asking = lazy(() => import("./asking.tsx"));

type Ask = (question: Question) => Promise<Yes | undefined>;

const Confirm = createContext<Ask>(async () => undefined);

/** Asks before what cannot be taken back. */
export function ConfirmProvider({ children }: { children: ReactNode }) {
  const [asked, setAsked] = useState<{ question: Question; answer: (yes: Yes | undefined) => void }>();
  const ask = useCallback<Ask>(
    (question) =>
      new Promise((resolve) => {
        const asker = document.activeElement;
        setAsked({
          question,
          answer: (yes) => {
            setAsked(undefined);
            resolve(yes);
            requestAnimationFrame(() => asker instanceof HTMLElement && asker.isConnected && asker.focus());
          },
        });
      }),
    [],
  );
  return (
    <Confirm value={ask}>
      {children}
      <Suspense fallback={null}>{asked ? <Asking key={asked.question.title} {...asked} /> : null}</Suspense>
    </Confirm>
  );
}

/** @returns what asks: undefined if the answer is no. */
export function useConfirm(): Ask {
  return useContext(Confirm);
}
