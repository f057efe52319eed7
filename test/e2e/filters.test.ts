import { expect, it } from "vitest";
import { startDeployment } from "../stack/deployment.ts";
import { withSession } from "../stack/imap-access.ts";
import { startImapTarget, startSource } from "./dovecot-pair.ts";

it("copies what a wider date filter lets through, and what it copied before not again", async () => {
  const source = await startSource({ seed: "filters", mailboxes: 1, messages: 1 });
  const target = await startImapTarget(source);
  const deployment = await startDeployment({ settings: target.settings });
  const [user = ""] = source.users;
  const folder = "Filtered";
  const arrived = () =>
    withSession(target.access(user), async (client) => {
      const lock = await client.getMailboxLock(folder, { readOnly: true });
      try {
        const dates: string[] = [];
        for await (const { internalDate } of client.fetch("1:*", { internalDate: true }))
          dates.push(new Date(internalDate ?? 0).toISOString().slice(0, 10));
        return dates.sort();
      } finally {
        lock.release();
      }
    });
  try {
    await withSession(source.access(user), async (client) => {
      await client.mailboxCreate(folder);
      for (const date of ["2015-05-05", "2019-12-31", "2020-01-01", "2022-02-02"])
        await client.append(folder, `Subject: ${date}\r\n\r\n${date}\r\n`, [], new Date(`${date}T12:00:00Z`));
    });
    await deployment.putEndpoint("dovecot", source.endpoint);
    const since = (date: string) => ({ receivedSince: `${date}T00:00:00Z`, includeFolders: [folder] });
    await deployment.upload("dovecot", "filtered", source.rows(), since("2020-01-01"));
    await deployment.waitUntilSettled("filtered");
    expect(await arrived()).toEqual(["2020-01-01", "2022-02-02"]);

    await deployment.upload("dovecot", "filtered", source.rows(), since("2018-01-01"));
    while (deployment.log.filter(({ message }) => message === "upload.ingested").length < 2)
      await new Promise((resolve) => setTimeout(resolve, 100));
    await deployment.request("POST", "batches/filtered/sync");
    await deployment.waitUntilSettled("filtered");
    expect(await arrived()).toEqual(["2019-12-31", "2020-01-01", "2022-02-02"]);
  } finally {
    await deployment.stop();
    await target.server.stop();
    await source.server.stop();
  }
});
