import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { TargetIdentity } from "../../migration/ports/target.ts";
import { graphService } from "../identity-token.ts";
import { mailboxNotFound, tokenRefused } from "./classify.ts";
import type { GraphClient } from "./client.ts";
import type { MailboxGate } from "./gate.ts";

interface DirectoryUser {
  readonly id: string;
}

/**
 * The user an address belongs to: by sign-in name, then by primary address or alias, in any letter case.
 * @see https://learn.microsoft.com/graph/api/user-list
 */
export async function resolveAddress(
  client: GraphClient,
  gate: MailboxGate,
  emailAddress: string,
): Promise<TargetIdentity> {
  const address = emailAddress.trim();
  const user = await reading(
    async () => (await byPrincipalName(client, gate, address)) ?? (await byAddress(client, gate, address)),
  );
  if (user === undefined) throw mailboxNotFound();
  return { id: user.id, emailAddress: address };
}

/** Milliseconds for the whole of a probe, repeats included. */
const probeMs = 5_000;

/**
 * Asks for some user: whether Graph answers, takes the token, and lets the application read users. Who asks for that wants
 * to hear of a token that is refused at once.
 */
export async function probeDirectory(client: GraphClient, gate: MailboxGate): Promise<void> {
  try {
    await askForUser(client, gate);
  } catch (error) {
    if (!isMigrationError(error) || ![tokenRefused, graphService.code].includes(error.code)) throw error;
    throw new MigrationError("fatal", error.code, error.message, { cause: error });
  }
}

async function askForUser(client: GraphClient, gate: MailboxGate): Promise<void> {
  await reading(() =>
    client.call(gate, {
      method: "GET",
      path: "/users",
      query: { $select: "id", $top: "1" },
      effect: "read",
      deadline: Date.now() + probeMs,
    }),
  );
}

async function reading<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    if (!isMigrationError(error) || error.code !== "TargetAccessDenied") throw error;
    throw new MigrationError(
      "fatal",
      "GraphPermissionMissing",
      "The application may not read users; grant its identity User.ReadBasic.All or User.Read.All for Microsoft Graph.",
      { cause: error },
    );
  }
}

async function byPrincipalName(
  client: GraphClient,
  gate: MailboxGate,
  address: string,
): Promise<DirectoryUser | undefined> {
  const answer = await client.call<DirectoryUser>(gate, {
    method: "GET",
    path: `/users/${encodeURIComponent(address)}`,
    query: { $select: "id" },
    effect: "read",
    // A name that can be no principal name is refused, not just unknown.
    expect: [400, 404],
  });
  return answer.status < 400 ? answer.body : undefined;
}

async function byAddress(
  client: GraphClient,
  gate: MailboxGate,
  address: string,
): Promise<DirectoryUser | undefined> {
  const literal = address.replaceAll("'", "''");
  const { body } = await client.call<{ readonly value?: readonly DirectoryUser[] }>(gate, {
    method: "GET",
    path: "/users",
    query: {
      $filter: `mail eq '${literal}' or proxyAddresses/any(p: p eq 'smtp:${literal}')`,
      $select: "id",
      $top: "2",
    },
    effect: "read",
  });
  return body.value?.[0];
}
