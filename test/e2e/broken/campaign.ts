/**
 * Plays what public reports tell of services that are broken in places, each through the whole app, all at once in
 * mailboxes of their own, and prints what came of it: `node test/e2e/broken/campaign.ts --side target [--cases a,b]
 * [--minutes 40]`. Exit code 1 if a message is neither copied nor named, is there twice, or was given up without need.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { RawImap } from "../../contract/imap/raw-imap.ts";
import { type Deployment, startDeployment } from "../../stack/deployment.ts";
import { startGraph } from "../../stack/graph/index.ts";
import { startDovecot } from "../../stack/imap-servers/dovecot.ts";
import { startGraphProxy } from "./graph-proxy.ts";
import { startSizeProxy } from "./size-proxy.ts";
import { type TargetCase, targetCases } from "./target-cases.ts";

const { values } = parseArgs({
  options: {
    side: { type: "string", default: "target" },
    cases: { type: "string" },
    minutes: { type: "string", default: "40" },
  },
});
if (values.side !== "target") throw new Error(`--side: expected target, not ${values.side}`);
const chosen = values.cases?.split(",");
const cases = targetCases.filter(({ name }) => chosen?.includes(name) ?? true);

/** Bytes of the message that is announced with others. */
const largeBytes = 6_000_000;
const announcedBytes = 1_400_000_000;

const graph = await startGraph();
const proxy = await startGraphProxy(graph.baseUrl);
const server = await startDovecot({ users: cases.length });
const source = await startSizeProxy(server, largeBytes, announcedBytes);
const deployment = await startDeployment({
  settings: { GRAPH_BASE_URL: proxy.url, GRAPH_TOKEN: graph.token },
});
try {
  const begun = Date.now();
  await fill();
  await deployment.putEndpoint("old", {
    host: "127.0.0.1",
    port: source.port,
    security: "none",
    allowInsecure: true,
  });
  await deployment.upload(
    "old",
    "broken",
    cases.map((_, index) => rowOf(index)),
  );
  const ended = await waitForAll(deployment, begun);
  const rows = [
    ["case", "at the source", "copied", "twice", "named", "status", "answers of the proxy", "seconds"],
  ];
  let failed = false;
  for (const [index, one] of cases.entries()) {
    const result = await resultOf(index, one);
    const { copied, named, twice } = result;
    if (copied + named !== result.messages || twice > 0 || named !== one.named) failed = true;
    rows.push([
      one.title,
      String(result.messages),
      String(copied),
      String(twice),
      result.codes.length === 0 ? "0" : `${named} ${result.codes.join(" ")}`,
      result.status,
      String(result.faults),
      ended.get(rowOf(index).emailAddress)?.toFixed(0) ?? "never",
    ]);
  }
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
  if (cases.some(({ name }) => name === "tooLarge"))
    console.log(`bytes given by the source to the mailbox with the announced 1.4 GB: ${source.bytesGiven}`);
  process.exitCode = failed ? 1 : 0;
} finally {
  await deployment.stop();
  await source.close();
  await server.stop();
  await proxy.close();
  await graph.close();
}

function rowOf(index: number) {
  const userName = server.userName(index + 1);
  return { emailAddress: `${userName}@contoso.com`, userName, password: server.password };
}

/** Three messages in the inbox and two in a folder behind it. */
async function fill(): Promise<void> {
  for (const [index, { name, fault }] of cases.entries()) {
    const { emailAddress, userName } = rowOf(index);
    const id = graph.addMailbox({ userPrincipalName: emailAddress });
    if (fault) proxy.put(id, fault());
    const imap = await RawImap.login(server, userName, server.password);
    await imap.command('CREATE "Work"');
    for (const [path, of, count] of [
      ["INBOX", "the inbox", 3],
      ["Work", "work", 2],
    ] as const)
      for (let number = 1; number <= count; number++)
        await imap.append(path, { content: mail(`message ${number} of ${of}`) });
    if (name === "tooLarge") await imap.append("INBOX", { content: mail("a large message", largeBytes) });
    await imap.close();
  }
}

function mail(subject: string, size?: number): Buffer {
  const begin = `From: a@example.com\r\nSubject: ${subject}\r\nMessage-ID: <${subject.replaceAll(" ", "-")}@example.com>\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\n\r\n`;
  const body = size === undefined ? "Text.\r\n" : "";
  const line = `${"x".repeat(70)}\r\n`;
  const left = (size ?? 0) - begin.length;
  const filler = size === undefined ? "" : line.repeat(Math.floor(left / line.length) - 1);
  const rest = size === undefined ? "" : `${"y".repeat(left - filler.length - 2)}\r\n`;
  return Buffer.from(begin + body + filler + rest);
}

/** @returns seconds after which each mailbox had ended its round, by address. */
async function waitForAll(all: Deployment, begun: number): Promise<ReadonlyMap<string, number>> {
  const ended = new Map<string, number>();
  const end = begun + Number(values.minutes) * 60_000;
  while (ended.size < cases.length && Date.now() < end) {
    for (const { emailAddress, status } of await all.mailboxes("broken").catch(() => []))
      if (/Synced|Failed/.test(status) && !ended.has(emailAddress)) {
        ended.set(emailAddress, (Date.now() - begun) / 1000);
        console.log(`${emailAddress} ${status} after ${ended.get(emailAddress)?.toFixed(0)} s`);
      }
    await sleep(1_000);
  }
  return ended;
}

async function resultOf(index: number, one: TargetCase) {
  const { emailAddress } = rowOf(index);
  const row = (await deployment.mailboxes("broken")).find((mailbox) => mailbox.emailAddress === emailAddress);
  const { body } = await deployment.request("GET", `batches/broken/mailboxes/${row?.id}`);
  const { skippedItems } = body as { readonly skippedItems: readonly { readonly code: string }[] };
  const found = graph.mailbox(emailAddress);
  const subjects = found.folders
    .filter(({ isHidden }) => !isHidden)
    .flatMap(({ messages }) => messages.map(({ properties }) => String(properties.subject)));
  const warnings = row?.warnings.map(({ code, count }) => `${code} (${count})`) ?? [];
  return {
    messages: one.name === "tooLarge" ? 6 : 5,
    copied: new Set(subjects).size,
    twice: subjects.length - new Set(subjects).size,
    named: skippedItems.length,
    codes: [...skippedItems.map(({ code }) => code), ...warnings],
    status: [row?.status, row?.error?.code].filter(Boolean).join(" "),
    faults: proxy.faults(found.id),
  };
}
