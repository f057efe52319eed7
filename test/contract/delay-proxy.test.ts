import { execFile } from "node:child_process";
import { connect } from "node:net";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readImapMailbox } from "../stack/compare/imap-mailbox.ts";
import { compareImapToImap } from "../stack/compare/imap-to-imap.ts";
import { generateCorpus } from "../stack/corpus/corpus.ts";
import { fillMailbox } from "../stack/corpus/fill.ts";
import { type DelayProxy, startDelayProxy, TRANSPARENT } from "../stack/delay-proxy/delay-proxy.ts";
import { startDelayProxyProcess } from "../stack/delay-proxy/separate-process.ts";
import { type ImapAccess, userAccess, withSession } from "../stack/imap-access.ts";
import { startDovecot } from "../stack/imap-servers/dovecot.ts";
import type { ImapServer } from "../stack/imap-servers/server.ts";

const MESSAGE = "Subject: late\r\n\r\nbody\r\n";

let server: ImapServer;
let proxy: DelayProxy | undefined;
let nextUser = 0;

beforeAll(async () => {
  server = await startDovecot({ users: 12 });
});
afterEach(async () => {
  await proxy?.stop();
  proxy = undefined;
});
afterAll(() => server.stop());

function newUser(): ImapAccess {
  nextUser += 1;
  return userAccess(server, server.userName(nextUser));
}

function through({ host, port }: DelayProxy, access: ImapAccess): ImapAccess {
  return { host, port, secure: false, user: access.user, password: access.password };
}

function target() {
  return { targetHost: server.host, targetPort: server.port };
}

async function inbox(access: ImapAccess) {
  return (await readImapMailbox(access)).get("INBOX") ?? [];
}

const append = (access: ImapAccess, content: string | Buffer = MESSAGE) =>
  withSession(access, (client) => client.append("INBOX", content));

/** Logs in, sends `command`, and is gone as soon as the bytes are on their way. */
function sendAndDie(via: DelayProxy, user: string, command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(via.port, via.host);
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      if (!received.includes("\n1 OK")) return;
      socket.removeAllListeners("data");
      socket.end(command, () => resolve());
    });
    socket.once("error", reject);
    socket.write(`1 LOGIN ${user} ${server.password}\r\n`);
  });
}

describe("the delay proxy", () => {
  it("changes nothing by itself, over TLS as well", async () => {
    proxy = await startDelayProxy({ ...target(), tls: server, behaviour: { bytesPerSecond: 50_000_000 } });
    const [from, to] = [newUser(), newUser()];
    for (const mailbox of generateCorpus({ seed: "proxy", mailboxes: 1, messages: 60, largest: 1_000_000 })) {
      await fillMailbox(from, mailbox);
      await fillMailbox({ ...to, port: proxy.port }, mailbox);
    }
    const difference = await compareImapToImap({ ...from, port: proxy.port }, to);
    expect(difference.report).toMatch(/^\d+ messages expected/);
    expect(difference.folders.flatMap(({ missing, changed }) => [...missing, ...changed])).toEqual([]);
    expect(await proxy.counters()).toMatchObject({ connections: 2, appends: 60, lateAppends: 0, drops: 0 });
  });

  it("hides what would blind it", async () => {
    proxy = await startDelayProxy(target());
    const capabilities = await withSession(through(proxy, newUser()), async (client) => [
      ...client.capabilities.keys(),
    ]);
    expect(capabilities).toContain("UIDPLUS");
    expect(capabilities).not.toContain("STARTTLS");
    expect(capabilities).not.toContain("COMPRESS=DEFLATE");
  });

  it("stores a complete APPEND after its client died, and no half one", async () => {
    proxy = await startDelayProxy({ ...target(), behaviour: { holdAppendMs: 60_000, lateAppendMs: 500 } });
    const [whole, unfinished, half] = [newUser(), newUser(), newUser()];
    await sendAndDie(proxy, half.user, `2 APPEND INBOX {500+}\r\n${MESSAGE}`);
    await sendAndDie(proxy, unfinished.user, `2 APPEND INBOX (\\Seen) {${MESSAGE.length}}\r\n${MESSAGE}`);
    await sendAndDie(
      proxy,
      whole.user,
      `2 APPEND INBOX {${MESSAGE.length}+}\r\n${MESSAGE}\r\n3 CREATE Later\r\n`,
    );
    await expect
      .poll(() => proxy?.counters(), { timeout: 20_000 })
      .toMatchObject({ lateAppends: 2, appends: 2 });
    expect((await inbox(whole)).length).toBe(1);
    expect((await inbox(unfinished)).map(({ flags }) => flags)).toEqual([["\\Seen"]]);
    expect((await inbox(half)).length).toBe(0);
    expect((await readImapMailbox(whole)).has("Later")).toBe(false);
  });

  it("stores none of many that were in flight later than any one may be", async () => {
    proxy = await startDelayProxy({ ...target(), behaviour: { holdAppendMs: 60_000, lateAppendMs: 500 } });
    const user = newUser();
    const appends = Array.from(
      { length: 60 },
      (_, n) => `${n + 2} APPEND INBOX {${MESSAGE.length}+}\r\n${MESSAGE}\r\n`,
    );
    await sendAndDie(proxy, user.user, appends.join(""));
    // One after another, each by up to as much, they took 15 seconds.
    await expect
      .poll(() => proxy?.counters(), { timeout: 5_000 })
      .toMatchObject({ lateAppends: 60, appends: 60 });
    expect((await inbox(user)).length).toBe(60);
  });

  it("lets an APPEND take effect and loses the answer", async () => {
    proxy = await startDelayProxy({ ...target(), behaviour: { loseAppendAnswers: 1 } });
    const access = newUser();
    await expect(append(through(proxy, access))).rejects.toThrow();
    expect((await inbox(access)).length).toBe(1);
    await append(through(proxy, access));
    expect((await inbox(access)).length).toBe(2);
    expect(await proxy.counters()).toMatchObject({ lostAnswers: 1, appends: 2 });
  });

  it("cuts a connection after some bytes, until told otherwise", async () => {
    proxy = await startDelayProxy({ ...target(), behaviour: { dropAfterBytes: 20_000 } });
    const access = newUser();
    const content = Buffer.alloc(50_000, "Subject: long\r\n");
    await expect(append(through(proxy, access), content)).rejects.toThrow();
    expect((await inbox(access)).length).toBe(0);
    await proxy.set(TRANSPARENT);
    await append(through(proxy, access), content);
    expect((await inbox(access)).length).toBe(1);
    expect(await proxy.counters()).toMatchObject({ drops: 1 });
  });

  it("stalls without cutting, and goes on", async () => {
    proxy = await startDelayProxy(target());
    const via = proxy;
    const access = newUser();
    let done = false;
    await withSession(through(via, access), async (client) => {
      await via.set({ stalled: true });
      const appending = client.append("INBOX", MESSAGE).then(() => {
        done = true;
      });
      expect(await inbox(access)).toEqual([]);
      expect(done).toBe(false);
      await via.set({ stalled: false });
      await appending;
    });
    expect((await inbox(access)).length).toBe(1);
  });

  it("runs as a process of its own, which outlives a killed client", async () => {
    proxy = await startDelayProxyProcess({
      ...target(),
      behaviour: { holdAppendMs: 60_000, lateAppendMs: 500 },
    });
    const access = newUser();
    const script = `
      import { connect } from "node:net";
      const socket = connect(${proxy.port}, "127.0.0.1");
      socket.write("1 LOGIN ${access.user} ${access.password}\\r\\n");
      socket.on("data", (data) => {
        if (data.includes("1 OK"))
          socket.write("2 APPEND INBOX {${MESSAGE.length}+}\\r\\n" + ${JSON.stringify(MESSAGE)} + "\\r\\n", () =>
            process.kill(process.pid, "SIGKILL"));
      });`;
    const ended = promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    await expect(ended).rejects.toMatchObject({ signal: "SIGKILL" });
    await expect
      .poll(() => proxy?.counters(), { timeout: 20_000 })
      .toMatchObject({ appends: 1, lateAppends: 1 });
    expect((await inbox(access)).length).toBe(1);
    await proxy.set(TRANSPARENT);
    await append(through(proxy, access));
    expect((await inbox(access)).length).toBe(2);
  });
});
