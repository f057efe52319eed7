import { MessageBar, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";
import type { EndpointTestView } from "../api/types.ts";
import { counted, duration } from "../parts/format.ts";
import { StatusBadge } from "../parts/status-badge.tsx";

/** Folders that are listed. */
const maxShown = 200;

const names: Readonly<Record<string, string>> = {
  dns: "DNS",
  tcp: "Connection",
  greeting: "Greeting",
  tls: "Encryption",
  certificate: "Certificate",
  capabilities: "Capabilities",
  login: "Login",
  folders: "Folders",
  dialect: "What the server can",
};

/** What a test has found, step by step. */
export function TestSteps({ report }: { report: EndpointTestView }) {
  return (
    <section aria-label="Result of the test" className="stack">
      <MessageBar intent={report.ok ? "success" : "error"} layout="multiline">
        <MessageBarBody>
          <MessageBarTitle>
            {report.ok ? "The server can be used" : "The server cannot be used yet"}
          </MessageBarTitle>
          {report.ok
            ? report.folders
              ? `The login works: ${counted(report.folders.count, "folder", "folders")} with ${counted(report.folders.messages, "message", "messages")}.`
              : "No login was tried."
            : "What to do stands with the step that failed."}
        </MessageBarBody>
      </MessageBar>
      <table className="checks" aria-label="Steps of the test">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">Result</th>
            <th scope="col">Found</th>
            <th scope="col">Took</th>
          </tr>
        </thead>
        <tbody>
          {report.steps.map(({ step, outcome, code, message, durationMs }) => (
            <tr key={step}>
              <th scope="row">{names[step] ?? step}</th>
              <td>
                <StatusBadge status={outcome} />
              </td>
              <td>
                {code ? <b>{code}: </b> : null}
                {message}
              </td>
              <td className="quiet">
                {durationMs < 1000 ? `${Math.round(durationMs)} ms` : duration(durationMs)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {report.folders ? <Folders of={report.folders} /> : null}
    </section>
  );
}

/** What the mailbox of the login holds. */
function Folders({ of: { count: all, value } }: { of: NonNullable<EndpointTestView["folders"]> }) {
  return (
    <details>
      <summary>{counted(all, "folder", "folders")} of this login</summary>
      <ul className="folder-list">
        {value.slice(0, maxShown).map(({ segments, specialUse, messages }) => (
          <li key={segments.join("/")}>
            {segments.join("/")}
            {specialUse === null || specialUse === "inbox" ? "" : ` (${specialUse})`}
            {messages === null ? "" : `: ${counted(messages, "message", "messages")}`}
          </li>
        ))}
      </ul>
      {all > maxShown ? (
        <p className="quiet">{counted(all - maxShown, "more is", "more are")} not shown.</p>
      ) : null}
    </details>
  );
}
