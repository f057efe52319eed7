import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, startDeployment } from "../stack/deployment.ts";

/** Every function but those that are tested. */
const stopped = ["janitor", "janitor-message", "reports", "folder-sync"];

describe("where the janitor's own triggers have stopped", () => {
  let deployment: Deployment;
  beforeAll(async () => {
    const disabled = stopped.map((name) => [`AzureWebJobs.${name}.Disabled`, "true"]);
    deployment = await startDeployment({ settings: Object.fromEntries(disabled) });
  });
  afterAll(async () => deployment?.stop());

  it("a request has one wake it, and another trigger does its work", async () => {
    const swept = () => deployment.log.filter(({ message }) => message === "janitor.swept").length;
    expect((await deployment.request("GET", "batches")).status).toBe(200);
    expect(deployment.stack.serviceBus?.messages("janitor")).toHaveLength(1);
    expect(swept()).toBe(0);

    // What one process has asked a minute ago it does not ask again.
    await deployment.crashAndRestart();
    await deployment.putEndpoint("source", { host: "localhost" });
    await deployment.upload("source", "spring", [
      { emailAddress: "ann@contoso.example", userName: "ann", password: "secret" },
    ]);
    await deployment.app.waitForEvent(({ message }) => message === "janitor.swept");
    expect(swept()).toBe(1);
  });
});
