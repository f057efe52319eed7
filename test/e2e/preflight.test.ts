import { afterAll, beforeAll, expect, it } from "vitest";
import { renderPreflight, runPreflight } from "../../infra/scripts/preflight.ts";
import { type Deployment, startDeployment } from "../stack/deployment.ts";

let deployment: Deployment;

beforeAll(async () => {
  deployment = await startDeployment();
});

afterAll(async () => {
  await deployment?.stop();
});

it("proves the target of a running app, and leaves the mailbox as it was", async () => {
  const { graph } = deployment.stack;
  if (graph === undefined) throw new Error("the stack has a Graph stand-in");
  graph.addMailbox({ userPrincipalName: "pilot@contoso.com" });
  const options = {
    url: deployment.app.url,
    headers: {},
    body: { mailbox: "pilot@contoso.com", experiments: true },
  };
  const running = runPreflight(options);
  const test = await running;
  expect(test.steps.filter(({ outcome }) => outcome === "failed")).toEqual([]);
  expect(test.status).toBe("Passed");
  expect(renderPreflight(test)).toMatch(/20 MB +a message with an attachment of 20 MB +ok/);
  const { folders } = graph.mailbox("pilot@contoso.com");
  expect(folders.filter(({ displayName }) => displayName.startsWith("imap-to-m365"))).toEqual([]);
  expect(folders.flatMap(({ messages }) => messages)).toEqual([]);

  const refused = runPreflight({ ...options, body: { mailbox: "pilot@contoso.com", colour: "red" } });
  await expect(refused).rejects.toThrow("The request is not valid.");
});
