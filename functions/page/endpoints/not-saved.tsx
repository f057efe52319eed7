import { Button, MessageBar, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";
import { useQueryClient } from "@tanstack/react-query";
import { ApiError } from "../api/api-error.ts";
import { Trouble } from "../parts/trouble.tsx";

/** Why an endpoint was not saved; where somebody else was faster, theirs can be loaded. */
export function NotSaved({ name, error }: { name: string; error: unknown }) {
  const client = useQueryClient();
  if (!(error instanceof ApiError) || error.status !== 412) return <Trouble error={error} />;
  return (
    <MessageBar intent="warning" layout="multiline">
      <MessageBarBody>
        <MessageBarTitle>Somebody else has saved it meanwhile</MessageBarTitle>
        Yours is below. Load theirs to compare, then enter your change again.{" "}
        <Button size="small" onClick={() => void client.invalidateQueries({ queryKey: ["endpoints", name] })}>
          Load theirs
        </Button>
      </MessageBarBody>
    </MessageBar>
  );
}
