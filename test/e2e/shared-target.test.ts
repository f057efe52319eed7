import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { startDeployment } from "../stack/deployment.ts";
import { type ImapAccess, withSession } from "../stack/imap-access.ts";
import { startScriptedImap } from "../stack/scripted-imap/server.ts";
import { startImapTarget } from "./dovecot-pair.ts";
import { GraphTargetUser, ImapTargetUser, type TargetState, type TargetUser } from "./edits/target-user.ts";

const emailAddress = "team@contoso.com";
const messageOf = (name: string) =>
  `From: a@example.com\r\nSubject: ${name}\r\nMessage-ID: <${name}@mail.example>\r\n\r\n${name}\r\n`;

/** Runs an action as the user of a target mailbox. */
async function asUser(
  target: { readonly access: ImapAccess } | { readonly user: GraphTargetUser },
  action: (user: TargetUser) => Promise<TargetState>,
): Promise<TargetState> {
  if ("user" in target) return action(target.user);
  return withSession(target.access, (client) => action(new ImapTargetUser(client)));
}

it.concurrent.each(["imap", "graph"] as const)(
  "two sources go into one mailbox of the target, each on its own (target %s)",
  async (kind) => {
    const sources = await Promise.all(
      ["sales", "support"].map(async (name) => {
        const server = await startScriptedImap({ users: [{ name, password: "secret" }] });
        return { name, server, account: server.account(name) };
      }),
    );
    const [sales, support] = sources;
    if (!sales || !support) throw new Error("two sources expected");
    const imap =
      kind === "imap"
        ? await startImapTarget({ users: ["team"], emailAddress: () => emailAddress })
        : undefined;
    const deployment = await startDeployment({ settings: { ...imap?.settings } });
    try {
      const { graph } = deployment.stack;
      graph?.addMailbox({ userPrincipalName: emailAddress });
      for (const { name, account } of sources) {
        account.create("Projects");
        for (const folder of ["INBOX", "Projects"])
          for (let number = 1; number <= 5; number++)
            account.folder(folder).append({ content: messageOf(`${name}-${folder}-${number}`) });
        // The same message in both, as a distribution list brings it.
        account.folder("INBOX").append({ content: messageOf("to-all") });
      }
      const arrived = async () => {
        const target = imap
          ? { access: imap.access("team") }
          : graph && { user: new GraphTargetUser(graph, emailAddress) };
        if (target === undefined) throw new Error("the deployment has no target");
        const state = await asUser(target, (user) => user.observe());
        return [...state]
          .flatMap(([folder, messages]) => messages.map(({ look }) => `${folder.toLowerCase()} ${look}`))
          .sort();
      };
      const expected = (...left: readonly string[]) =>
        sources
          .flatMap(({ name }) => [
            ...["INBOX", "Projects"].flatMap((folder) =>
              [1, 2, 3, 4, 5].map((number) => `${folder.toLowerCase()} ${name}-${folder}-${number}`),
            ),
            "inbox to-all",
          ])
          .filter((line) => !left.includes(line));
      const trash = kind === "imap" ? "trash" : "deleteditems";

      for (const { name, server } of sources) {
        const { host, port } = server;
        await deployment.putEndpoint(name, { host, port, security: "none", allowInsecure: true });
        const row = { emailAddress, userName: name, password: "secret" };
        await deployment.upload(name, name, [row], { propagateDeletes: true });
      }
      const settle = async (...batches: readonly string[]) => {
        for (const batch of batches)
          expect(await deployment.waitUntilSettled(batch)).toMatchObject({ status: "Synced" });
      };
      await settle("sales", "support");
      expect(await arrived()).toEqual(expected().sort());

      // What one source loses is taken from its own copies alone, though the other has an equal message.
      sales.account.folder("INBOX").expunge(1, 6);
      support.account.folders.delete("Projects");
      for (const { name } of sources) await deployment.request("POST", `batches/${name}/sync`);
      await settle("sales", "support");
      const gone = [
        "inbox sales-INBOX-1",
        ...[1, 2, 3, 4, 5].map((number) => `projects support-Projects-${number}`),
      ];
      const kept = expected(...gone);
      kept.splice(kept.indexOf("inbox to-all"), 1);
      const deleted = [...gone, "inbox to-all"].map((line) => `${trash} ${line.split(" ")[1]}`);
      expect(await arrived()).toEqual([...kept, ...deleted].sort());
    } finally {
      await deployment.stop();
      await imap?.server.stop();
      for (const { server } of sources) await server.stop();
    }
  },
);

it.concurrent.each(["imap", "graph"] as const)(
  "a full mailbox of the target fails with its code, and goes on where it was when there is room (target %s)",
  async (kind) => {
    const server = await startScriptedImap({ users: [{ name: "team", password: "secret" }] });
    const imap =
      kind === "imap"
        ? await startImapTarget({ users: ["team"], emailAddress: () => emailAddress }, quotaOf("400K"))
        : undefined;
    const deployment = await startDeployment({ settings: { ...imap?.settings } });
    try {
      const { graph } = deployment.stack;
      graph?.addMailbox({ userPrincipalName: emailAddress, quotaBytes: 400_000 });
      const inbox = server.account("team").folder("INBOX");
      for (let number = 1; number <= 200; number++)
        inbox.append({ content: `${messageOf(`n${number}`)}${"x".repeat(70)}\r\n`.padEnd(4_000, "x\r\n") });
      const { host, port } = server;
      await deployment.putEndpoint("source", { host, port, security: "none", allowInsecure: true });
      await deployment.upload("source", "full", [{ emailAddress, userName: "team", password: "secret" }]);
      await deployment.waitUntilSettled("full");
      const [failed] = await deployment.mailboxes("full");
      expect(failed).toMatchObject({ status: "Failed", error: { code: "TargetQuotaExceeded" } });
      expect(failed?.error?.message).toMatch(/full.*quota/is);
      const before = failed?.syncedItemCount ?? 0;
      expect(before).toBeGreaterThan(20);
      expect(before).toBeLessThan(200);

      graph?.setQuota(emailAddress, undefined);
      if (imap) await raiseQuota(imap.server.configFile);
      const mark = deployment.log.length;
      expect(await deployment.request("POST", "batches/full/retry")).toMatchObject({ status: 202 });
      expect(await deployment.waitUntilSettled("full")).toMatchObject({
        status: "Synced",
        syncedItemCount: 200,
      });
      const copied = deployment.log
        .slice(mark)
        .filter(({ message }) => message === "chunk.copied")
        .reduce((sum, { items }) => sum + Number(items), 0);
      expect(copied).toBe(200 - before);
      const target = imap
        ? { access: imap.access("team") }
        : graph && { user: new GraphTargetUser(graph, emailAddress) };
      if (target === undefined) throw new Error("the deployment has no target");
      const looks = [...(await asUser(target, (user) => user.observe())).values()]
        .flat()
        .map(({ look }) => look);
      expect(looks).toHaveLength(200);
      expect(new Set(looks).size).toBe(200);
    } finally {
      await deployment.stop();
      await imap?.server.stop();
      await server.stop();
    }
  },
);

async function raiseQuota(configFile: string): Promise<void> {
  const config = await readFile(configFile, "utf8");
  await writeFile(configFile, config.replace(/storage=\w+/, "storage=40M"));
  await promisify(execFile)("doveadm", ["-c", configFile, "reload"]);
}

/** Settings of Dovecot that limit a mailbox. */
function quotaOf(storage: string): { readonly extraConfig: string } {
  return {
    extraConfig: `
protocol imap {
  mail_plugins = $mail_plugins quota imap_quota
}
plugin {
  quota = count:User quota
  quota_rule = *:storage=${storage}
  quota_vsizes = yes
}`,
  };
}
