import { setTimeout as sleep } from "node:timers/promises";
import pMap from "p-map";
import { startDeployment } from "../../stack/deployment.ts";
import { type ImapAccess, userAccess, withSession } from "../../stack/imap-access.ts";
import { startDovecot } from "../../stack/imap-servers/dovecot.ts";
import { startLatencyProxy } from "../../stack/latency-proxy.ts";
import { roundSeconds, untilLoggedOutMs } from "./step-times.ts";

const batch = "many";
/** Mailboxes at once: as many sessions as an instance takes. */
const atOnce = 16;
const statusQuery = { messages: true, uidNext: true, uidValidity: true, highestModseq: true } as const;

/** @returns seconds of each round of the app, and of each pass of bare logins. */
export async function manyMailboxes(count: number, roundTripMs: number, runs: number) {
  const server = await startDovecot({ users: count });
  const way = await startLatencyProxy(server, roundTripMs);
  const deployment = await startDeployment({ graph: { limits: { requests: 1_000_000 } } });
  try {
    const users = Array.from({ length: count }, (_, index) => server.userName(index + 1));
    await pMap(users, (user) => fill(userAccess(server, user)), { concurrency: atOnce });
    const { host, port } = way;
    await deployment.putEndpoint("source", {
      host,
      port,
      security: "none",
      allowInsecure: true,
      maxConcurrentMigrations: atOnce,
      maxConcurrentIncrementalSyncs: atOnce,
    });
    const rows = users.map((user) => ({
      emailAddress: `${user}@contoso.com`,
      userName: user,
      password: server.password,
    }));
    for (const { emailAddress } of rows)
      deployment.stack.graph?.addMailbox({ userPrincipalName: emailAddress });
    await deployment.upload("source", batch, rows);
    const { syncedCount } = await deployment.waitUntilSettled(batch, 3_600_000);
    if (syncedCount !== count) throw new Error(`${syncedCount} of ${count} mailboxes are synced`);
    const app: number[] = [];
    const logins: number[] = [];
    for (let run = 1; run <= runs; run++) {
      await sleep(untilLoggedOutMs);
      app.push(await roundSeconds(deployment, batch, count));
      const begun = Date.now();
      await pMap(users, (user) => look({ host, port, secure: false, user, password: server.password }), {
        concurrency: atOnce,
      });
      logins.push((Date.now() - begun) / 1000);
    }
    return { app, logins };
  } finally {
    await deployment.stop();
    await way.stop();
    await server.stop();
  }
}

async function fill(access: ImapAccess): Promise<void> {
  await withSession(access, async (client) => {
    for (const folder of ["INBOX", "Customers", "Suppliers"]) {
      if (folder !== "INBOX") await client.mailboxCreate(folder);
      await client.append(folder, `From: a@example.com\r\nSubject: ${folder}\r\n\r\nText.\r\n`, ["\\Seen"]);
    }
  });
}

function look(access: ImapAccess): Promise<unknown> {
  return withSession(access, (client) => client.list({ statusQuery }));
}
