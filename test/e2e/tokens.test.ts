import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { maxChunkItems } from "../../shared/migration/sync/limits.ts";
import { type Deployment, startDeployment } from "../stack/deployment.ts";
import { KeyVaultStandIn } from "../stack/key-vault.ts";
import { EXCHANGE } from "../stack/scripted-imap/dialects.ts";
import { type ScriptedServer, startScriptedImap } from "../stack/scripted-imap/server.ts";
import { TokenServer } from "../stack/token-server.ts";
import { everythingStored } from "./everything-stored.ts";

const alice = "alice@contoso.com";
const bob = "bob@contoso.com";
const isBodyFetch = /^UID FETCH .*BODY/;

let vault: KeyVaultStandIn;
let tokens: TokenServer;
let source: ScriptedServer;
let deployment: Deployment;

beforeAll(async () => {
  [vault, tokens] = await Promise.all([KeyVaultStandIn.start(), TokenServer.start([alice, bob])]);
  source = await startScriptedImap({
    dialect: EXCHANGE,
    users: [alice, bob].map((name) => ({ name, password: "none" })),
    acceptsToken: (user, token) => {
      // Once bodies were asked for, the first token has ended.
      const isOver = source.commands.some(({ command }) => isBodyFetch.test(command));
      return tokens.accepts(user, token) && !(isOver && token === tokens.issued[0]?.token);
    },
  });
  deployment = await startDeployment({ settings: vault.settings });
  for (const userPrincipalName of [alice, bob]) deployment.stack.graph?.addMailbox({ userPrincipalName });
});
afterAll(async () => {
  await deployment?.stop();
  await source?.stop();
  await tokens?.stop();
  await vault?.stop();
});

async function upload(batch: string, user: string, secretName: string): Promise<void> {
  const { host, port } = source;
  const { clientId, tokenUrl, scope } = tokens;
  await deployment.putEndpoint(batch, {
    ...{ host, port, security: "none", allowInsecure: true },
    authentication: "xoauth2",
    tokenSource: { type: "clientCredentials", clientId, tokenUrl, scope, secretName },
  });
  await deployment.upload(batch, batch, [{ emailAddress: user, userName: user, password: "" }]);
}

function arrivedFor(user: string): readonly (string | undefined)[] {
  return (deployment.stack.graph?.mailbox(user).messages ?? [])
    .map((message) => message.internetMessageId)
    .sort();
}

describe("a source that takes tokens only", () => {
  it("is copied although the token expires in the middle, and shows no secret anywhere", async () => {
    // More than a chunk: the token is refused at the second one.
    const inbox = source.account(alice).folder("INBOX");
    const ids = Array.from({ length: maxChunkItems + 20 }, (_, index) => `<${index}@example.com>`);
    for (const id of ids) inbox.append({ content: `Message-ID: ${id}\r\n\r\n` });
    source.faults.add({
      command: isBodyFetch,
      after: 1,
      reaction: { kind: "bye", text: "Session invalidated - AccessTokenExpired" },
    });
    vault.secrets.set("source", tokens.clientSecret);
    // A token counts as new for a tenth of its lifetime, and one that is refused while it is new is not replaced.
    tokens.lifetime = 1;

    await upload("expires", alice, "source");
    expect(await deployment.waitUntilSettled("expires")).toMatchObject({ status: "Synced" });
    expect(arrivedFor(alice)).toEqual(ids.sort());
    // The step goes on over another connection.
    expect(deployment.log.filter(({ message }) => message === "mailbox.deferred")).toEqual([]);
    const logins = source.commands.filter(({ command }) => command.startsWith("AUTHENTICATE"));
    expect(logins.length).toBeGreaterThan(1);
    expect(tokens.issued.length).toBeGreaterThan(1);

    const secrets = [tokens.clientSecret, ...tokens.issued.map(({ token }) => token)];
    for await (const [place, text] of everythingStored(deployment))
      for (const secret of secrets) expect(text.includes(secret), place).toBe(false);
  });

  it("fails with what is wrong with the client secret, and goes on once that is mended", async () => {
    source.account(bob).folder("INBOX").append({ content: "Message-ID: <to.bob@example.com>\r\n\r\n" });
    tokens.lifetime = 3600;
    vault.secrets.set("renewed", "expired-canary");
    await upload("mended", bob, "renewed");
    expect(await deployment.waitUntilSettled("mended")).toMatchObject({ failedCount: 1 });
    const [failed] = await deployment.mailboxes("mended");
    expect(failed?.error).toMatchObject({
      code: "TokenClientRefused",
      message: expect.stringContaining("AADSTS7000215"),
    });
    expect(JSON.stringify(failed)).not.toContain("canary");

    vault.secrets.set("renewed", tokens.clientSecret);
    await deployment.request("POST", "batches/mended/retry");
    expect(await deployment.waitUntilSettled("mended")).toMatchObject({ status: "Synced" });
    expect(arrivedFor(bob)).toEqual(["<to.bob@example.com>"]);
  });
});
