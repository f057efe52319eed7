import { lackingPermissions } from "../../../domain/permissions.ts";
import type { CheckRequest } from "../../../migration/ports/target-check.ts";
import type { IdentityToken } from "../../identity-token.ts";
import { isNoMailbox, mailboxNotFound } from "../classify.ts";
import type { GraphClient } from "../client.ts";
import type { MailboxGate } from "../gate.ts";
import { probeDirectory, resolveAddress } from "../resolve.ts";
import { advice } from "./advice.ts";
import { type Finding, failed, ok, type Steps, skipped, warning } from "./steps.ts";

/** Whom the application is, and whom it reaches. @returns the user's object id, or undefined where a mailbox is out of reach. */
export async function checkAccess(
  steps: Steps,
  client: GraphClient,
  gate: MailboxGate,
  token: IdentityToken,
  { mailbox, alias, outside }: CheckRequest,
): Promise<string | undefined> {
  if (
    (await steps.take("token", "a token for Microsoft Graph", async () => tokenFinding(await token()))) ===
    undefined
  )
    return undefined;
  const readable = await steps.take("users", "some user of the tenant", async () => {
    await probeDirectory(client, gate);
    return ok("The directory answers.");
  });
  if (readable === undefined) return undefined;
  const user = await steps.take("address", "the user of the test mailbox's address", async () => {
    const { id } = await resolveAddress(client, gate, mailbox);
    return { ...ok("The user is found."), result: id };
  });
  if (user === undefined) return undefined;
  await steps.take("alias", "the same user by another address", async () => {
    const other = alias ?? (await someAlias(client, gate, user));
    if (other === undefined) return skipped("The user has no other address.");
    const { id } = await resolveAddress(client, gate, other);
    return id === user ? ok("The same user is found.") : failed("Another user is found.", advice.otherUser);
  });
  const reached = await steps.take("mailbox", "the inbox of the test mailbox", async () => {
    const status = await reach(client, gate, user);
    return status === 403
      ? { ...failed("Exchange refuses the application.", advice.notReached), code: "TargetAccessDenied" }
      : ok("The application reaches it.");
  });
  await steps.take("outside", "the inbox of a mailbox outside the group", async () => {
    if (outside === undefined) return skipped("No such mailbox was named.");
    const { id } = await resolveAddress(client, gate, outside);
    return (await reach(client, gate, id)) === 403
      ? ok("Exchange refuses it, as it should.")
      : failed("The application reaches it, too.", advice.tooFar);
  });
  return reached === undefined ? undefined : user;
}

/** Roles in a token are what Entra gave; what Exchange gives for a group is in none. */
function tokenFinding(token: string): Finding {
  const lacking = lackingPermissions("graph", token);
  if (lacking === undefined) return skipped("There is a token, and its roles cannot be read.");
  const names = lacking.map(({ value }) => value).join(", ");
  const needed = lacking.filter(({ optional, exchangeRole }) => !optional && exchangeRole === undefined);
  if (needed.length > 0)
    return failed(`The token lacks ${needed.map(({ value }) => value).join(", ")}.`, advice.roleMissing);
  return lacking.length === 0
    ? ok("The token names every permission.")
    : warning(`The token does not name ${names}; Exchange may give it for a group.`, advice.roleMissing);
}

async function someAlias(client: GraphClient, gate: MailboxGate, user: string): Promise<string | undefined> {
  const { body } = await client.call<{ readonly mail?: string; readonly proxyAddresses?: readonly string[] }>(
    gate,
    {
      method: "GET",
      path: `/users/${encodeURIComponent(user)}`,
      query: { $select: "mail,proxyAddresses" },
      effect: "read",
    },
  );
  return body.proxyAddresses
    ?.filter((address) => /^smtp:/.test(address))
    .map((address) => address.slice("smtp:".length))
    .find((address) => address.toLowerCase() !== body.mail?.toLowerCase());
}

/** @returns the status of the answer: 200 or 403. @throws MigrationError `mailbox`/`TargetMailboxNotFound` where there is none. */
async function reach(client: GraphClient, gate: MailboxGate, user: string): Promise<number> {
  const answer = await client.call(gate, {
    method: "GET",
    path: `/users/${encodeURIComponent(user)}/mailFolders/inbox`,
    query: { $select: "id" },
    effect: "read",
    expect: [403, 404],
  });
  if (answer.status === 404 || isNoMailbox(answer.errorCode)) throw mailboxNotFound();
  return answer.status;
}
