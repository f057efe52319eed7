import { ServiceBusClient } from "@azure/service-bus";
import { expect, it } from "vitest";
import { startDeployment } from "../stack/deployment.ts";

it("turns a message the queue gave up on into a failed mailbox, which a retry starts again", async () => {
  const deployment = await startDeployment({ settings: { "AzureWebJobs.folder-sync.Disabled": "true" } });
  const client = new ServiceBusClient(deployment.stack.settings.ServiceBusConnection ?? "");
  try {
    await deployment.putEndpoint("dovecot", { host: "localhost" });
    await deployment.upload("dovecot", "given-up", [
      { emailAddress: "alberta@contoso.com", userName: "alberta", password: "a-password" },
    ]);
    const receiver = await client.acceptNextSession("folder-sync");
    const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: 20_000 });
    if (message === undefined) throw new Error("no folder-sync message came");
    await receiver.deadLetterMessage(message, {
      deadLetterReason: "MaxDeliveryCountExceeded",
      deadLetterErrorDescription: "Message could not be consumed.",
    });
    await receiver.close();

    await fetch(`${deployment.app.url}/admin/functions/janitor`, { method: "POST" });
    expect(await deployment.waitUntilSettled("given-up")).toMatchObject({ status: "Failed", failedCount: 1 });
    const [mailbox] = await deployment.mailboxes("given-up");
    expect(mailbox).toMatchObject({ status: "Failed", error: { code: "MessageDeadLettered" } });
    expect(deployment.stack.serviceBus?.counts("folder-sync").deadLetter).toBe(0);

    expect(await deployment.request("POST", "batches/given-up/retry")).toMatchObject({
      status: 202,
      body: { mailboxes: 1 },
    });
    const again = await client.acceptSession("folder-sync", mailbox?.id ?? "");
    const [next] = await again.receiveMessages(1, { maxWaitTimeInMs: 20_000 });
    expect(next?.body).toMatchObject({ mailboxId: mailbox?.id, step: 0 });
    await again.close();
  } finally {
    await client.close();
    await deployment.stop();
  }
});
