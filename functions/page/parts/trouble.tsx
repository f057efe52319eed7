import {
  Button,
  Link,
  MessageBar,
  MessageBarActions,
  MessageBarBody,
  MessageBarTitle,
} from "@fluentui/react-components";
import { ApiError } from "../api/api-error.ts";
import { remedyLink } from "./help.ts";

/** What went wrong, in the API's own sentence; what is shown already stays. */
export function Trouble({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  if (error === null || error === undefined) return null;
  const failure =
    error instanceof ApiError
      ? error
      : new ApiError(0, "PageFailed", "The page could not do that. Reload it.");
  return (
    <MessageBar intent="error" layout="multiline" role="alert">
      <MessageBarBody>
        <MessageBarTitle>{failure.isSignedOut ? "Signed out" : failure.code}</MessageBarTitle>
        {failure.message}{" "}
        {failure.isSignedOut || /^(?:Http\d+|PageFailed)$/.test(failure.code) ? null : (
          <Link href={remedyLink(failure.code)} target="_blank" rel="noreferrer" inline>
            What to do about {failure.code}
          </Link>
        )}
        <Reasons details={failure.details} />
      </MessageBarBody>
      <MessageBarActions>
        {failure.isSignedOut ? (
          <Button onClick={() => location.reload()}>Sign in</Button>
        ) : onRetry ? (
          <Button onClick={onRetry}>Try again</Button>
        ) : null}
      </MessageBarActions>
    </MessageBar>
  );
}

function Reasons({ details }: { details: unknown }) {
  const issues = Array.isArray(details) ? (details as readonly { path?: string; message?: string }[]) : [];
  if (issues.length === 0) return null;
  return (
    <ul>
      {issues.map(({ path, message }) => (
        <li key={`${path} ${message}`}>
          {path ? <code>{path}</code> : null} {message}
        </li>
      ))}
    </ul>
  );
}
