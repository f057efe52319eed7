import { setTimeout as sleep } from "node:timers/promises";
import { ServiceBusClient } from "@azure/service-bus";
import { expect, it } from "vitest";
import { startDeployment } from "../stack/deployment.ts";

it("tries a mailbox again whose message the queue gave up on, after a minute and without anybody's help", async () => {
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
    await until(() => deployment.stack.serviceBus?.counts("folder-sync").deadLetter === 0);
    const [mailbox] = await deployment.mailboxes("given-up");
    expect(mailbox).toMatchObject({ status: "Queued", error: null });

    const again = await client.acceptSession("folder-sync", mailbox?.id ?? "");
    const [next] = await again.receiveMessages(1, { maxWaitTimeInMs: 180_000 });
    if (next === undefined) throw new Error("no second message came");
    expect(next.body).toMatchObject({ mailboxId: mailbox?.id, step: 0 });
    expect(next.body.round).toBeGreaterThan(message.body.round);
    await again.close();
  } finally {
    await client.close();
    await deployment.stop();
  }
});

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 60_000; !condition(); await sleep(100))
    if (Date.now() > deadline) throw new Error("the condition did not come true");
}
