import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMailSender } from "../../shared/adapters/graph/send-mail.ts";
import type { MigrationError } from "../../shared/domain/errors.ts";
import { type GraphStandIn, startGraph } from "../stack/graph/index.ts";

const sender = "migration@contoso.example";
const mail = {
  to: ["it@contoso.example", "boss@fabrikam.example"],
  subject: "Pilot: done",
  html: "<p>é</p>",
};
const route = "POST /users/{user}/sendMail";

let graph: GraphStandIn;
beforeEach(async () => {
  graph = await startGraph();
  graph.addMailbox({ userPrincipalName: sender });
  graph.addMailbox({ userPrincipalName: "it@contoso.example" });
});
afterEach(() => graph.close());

const sendAs = (from = sender) =>
  createMailSender({ baseUrl: graph.baseUrl, token: async () => graph.token, sender: from });
const failureOf = (sent: Promise<void>) =>
  sent.then(
    () => undefined,
    ({ kind, code, inDoubt }: MigrationError) => ({ kind, code, inDoubt }),
  );

describe("a mail by Graph", () => {
  it("arrives as it is, and is kept nowhere else", async () => {
    await sendAs()(mail);
    expect(graph.sentMails()).toMatchObject([
      { to: mail.to, subject: mail.subject, contentType: "html", content: mail.html },
    ]);
    const [arrived] = graph.mailbox("it@contoso.example").folder("inbox")?.messages ?? [];
    expect(arrived).toMatchObject({ isDraft: false, isRead: false });
    expect(arrived?.properties.subject).toBe(mail.subject);
    expect(graph.mailbox(sender).messages).toEqual([]);
  });

  it("is sent once where Graph asks for a short pause first", async () => {
    graph.faults.next({ kind: "throttled", route });
    await sendAs()(mail);
    expect(graph.sentMails()).toHaveLength(1);
  });

  it.each([false, true])(
    "may be sent later where Graph is away (without a word how long: %s)",
    async (missing) => {
      graph.faults.next({ kind: "unavailable", route, retryAfterMissing: missing });
      expect(await failureOf(sendAs()(mail))).toEqual({
        kind: "throttled",
        code: "GraphThrottled",
        inDoubt: false,
      });
      expect(graph.sentMails()).toEqual([]);
    },
  );

  it.each(["gatewayTimeout", "reset"] as const)(
    "is in doubt after a %s, and is not repeated",
    async (kind) => {
      graph.faults.next({ kind, route, stored: true });
      expect(await failureOf(sendAs()(mail))).toMatchObject({ kind: "transient", inDoubt: true });
      expect(graph.sentMails()).toHaveLength(1);
    },
  );

  it("is refused without the right to send", async () => {
    graph.permitMailSend(false);
    expect(await failureOf(sendAs()(mail))).toEqual({
      kind: "fatal",
      code: "MailSendDenied",
      inDoubt: false,
    });
  });

  it("needs a mailbox to be sent from", async () => {
    expect(await failureOf(sendAs("nobody@contoso.example")(mail))).toEqual({
      kind: "fatal",
      code: "NotificationSenderNotFound",
      inDoubt: false,
    });
  });

  it("is refused with an address that is none", async () => {
    expect(await failureOf(sendAs()({ ...mail, to: ["it"] }))).toEqual({
      kind: "fatal",
      code: "MailRefused",
      inDoubt: false,
    });
  });

  it("waits where the mailbox has sent as much as it may in a minute", async () => {
    for (let sent = 0; sent < 30; sent++) await sendAs()(mail);
    expect(await failureOf(sendAs()(mail))).toMatchObject({ kind: "throttled", inDoubt: false });
    expect(graph.sentMails()).toHaveLength(30);
  });
});
