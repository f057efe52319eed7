import { createImapSource } from "../../../shared/adapters/imap/index.ts";
import { endpointSchema } from "../../../shared/domain/endpoint.ts";
import { startDelayProxy, TRANSPARENT } from "../../stack/delay-proxy/delay-proxy.ts";
import type { ImapServer } from "../../stack/imap-servers/server.ts";
import { RawImap } from "../imap/raw-imap.ts";
import type { SourceUnderTest } from "./source-contract.ts";

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A mailbox of a running server, reached through a proxy that interrupts. @param number of the user, from 1. */
export async function imapSourceUnderTest(
  server: ImapServer,
  number: number,
  prefix: string,
): Promise<SourceUnderTest> {
  const userName = server.userName(number);
  const proxy = await startDelayProxy({ targetHost: server.host, targetPort: server.port });
  const raw = await RawImap.login(server, userName, server.password);
  const endpoint = endpointSchema.parse({
    host: proxy.host,
    port: proxy.port,
    security: "none",
    allowInsecure: true,
  });
  const open = (password: string) => createImapSource().open({ endpoint, userName, password });
  const within = async (folder: string, ...commands: readonly string[]): Promise<string> => {
    await raw.command(`SELECT "${prefix}${folder}"`);
    let answers = "";
    for (const command of commands) answers += await raw.command(command);
    await raw.command("CLOSE");
    return answers;
  };
  return {
    open: () => open(server.password),
    openWrongly: () => open("wrong"),
    user: {
      async createFolder(name) {
        await raw.command(`CREATE "${prefix}${name}"`);
        await raw.command(`SUBSCRIBE "${prefix}${name}"`);
      },
      async deleteFolder(name) {
        await raw.command(`UNSUBSCRIBE "${prefix}${name}"`);
        await raw.command(`DELETE "${prefix}${name}"`);
      },
      async renameFolder(name, to) {
        await raw.command(`RENAME "${prefix}${name}" "${prefix}${to}"`);
      },
      append: (folder, { content, flags = [], date }) =>
        raw.append(`${prefix}${folder}`, { content, flags, ...(date ? { date: dateTimeOf(date) } : {}) }),
      async setFlags(folder, uid, flags) {
        await within(folder, `UID STORE ${uid} FLAGS.SILENT (${flags.join(" ")})`);
      },
      async delete(folder, uid) {
        await within(folder, `UID STORE ${uid} +FLAGS.SILENT (\\Deleted)`, "EXPUNGE");
      },
      async flagsIn(folder) {
        const answer = await within(folder, "UID FETCH 1:* (FLAGS)");
        return [...answer.matchAll(/FLAGS \(([^)]*)\)/g)].map(([, flags = ""]) =>
          flags.split(" ").filter((flag) => flag !== "" && flag !== "\\Recent"),
        );
      },
    },
    async cutAfter(bytes) {
      await proxy.set({ dropAfterBytes: bytes });
    },
    async settle() {
      await proxy.set(TRANSPARENT);
    },
    async close() {
      await raw.close();
      await proxy.stop();
    },
  };
}

/** RFC 9051, 9. */
function dateTimeOf(date: Date): string {
  const [day, time] = date.toISOString().split("T");
  const [year, month, dayOfMonth] = (day ?? "").split("-");
  return `${dayOfMonth}-${months[Number(month) - 1]}-${year} ${time?.slice(0, 8)} +0000`;
}
