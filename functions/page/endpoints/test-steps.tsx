import { MessageBar, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";
import type { EndpointTestView } from "../api/types.ts";
import { duration } from "../parts/format.ts";
import { StatusBadge } from "../parts/status-badge.tsx";

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
              ? `The login works: ${report.folders.count} folders with ${report.folders.messages} messages.`
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
    </section>
  );
}
