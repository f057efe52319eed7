import { Button } from "@fluentui/react-components";
import { MoreIcon } from "@fluentui/react-icons";
import { lazy, Suspense, useState } from "react";
import type { BatchView } from "../api/types.ts";

/** Comes when it is needed first: what places a menu beside its button weighs a tenth of the page. */
const OpenMenu = lazy(() => import("./open-menu.tsx"));

/** The actions of one row. */
export function BatchMenu({ batch }: { batch: BatchView }) {
  const [isWanted, setWanted] = useState(false);
  const closed = (
    <Button
      appearance="subtle"
      icon={<MoreIcon />}
      aria-label={`Actions of ${batch.name}`}
      aria-haspopup="menu"
      aria-expanded={false}
      onClick={() => setWanted(true)}
    />
  );
  return isWanted ? (
    <Suspense fallback={closed}>
      <OpenMenu batch={batch} />
    </Suspense>
  ) : (
    closed
  );
}
