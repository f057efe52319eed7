import { startRecordingProxy } from "../../contract/imap/recording-proxy.ts";
import { startDeployment } from "../../stack/deployment.ts";
import type { BigSource } from "./servers.ts";

/** What a round without changes cost. */
export interface NoChangeRound {
  readonly messages: number;
  readonly folders: number;
  /** Every command to the source in order, the secrets of its login left out. */
  readonly commands: readonly string[];
  /** Bytes to and from the source. */
  readonly sent: number;
  readonly received: number;
  /** Milliseconds from the start of the round to its end by the app's log. */
  readonly ms: number;
  readonly targetRequests: number;
  /** What the round did beyond what it may; empty if all is well. */
  readonly problems: readonly string[];
}

const emailAddress = "big@contoso.com";
const batch = "big";
const sessionCommands = /^(CAPABILITY|ID|NOOP|LOGIN|AUTHENTICATE|NAMESPACE|ENABLE|LOGOUT)\b/i;

/**
 * Copies the mailbox into the Graph stand-in, starts the app anew so that no session is left over, and runs a round in
 * which nothing has changed.
 */
export async function noChangeRound(source: BigSource): Promise<NoChangeRound> {
  const proxy = await startRecordingProxy(source.server);
  // The first copy is not what is measured: it need not take the quarter of an hour that Graph's limits make of it.
  const deployment = await startDeployment({ graph: { limits: { requests: 1_000_000 } } });
  try {
    const { graph } = deployment.stack;
    if (graph === undefined) throw new Error("the deployment has a Graph stand-in");
    graph.addMailbox({ userPrincipalName: emailAddress });
    const { host, port } = proxy;
    await deployment.putEndpoint("source", { host, port, security: "none", allowInsecure: true });
    const { user, server } = source;
    await deployment.upload("source", batch, [{ emailAddress, userName: user, password: server.password }]);
    const first = await deployment.waitUntilSettled(batch, 600_000);
    if (first.status !== "Synced") throw new Error(`the first copy ended as ${first.status}`);

    await deployment.crashAndRestart();
    proxy.takeTraffic();
    const requestsBefore = graph.statistics.snapshot().requests.length;
    const mark = deployment.log.length;
    await deployment.request("POST", `batches/${batch}/sync`);
    const { status } = await deployment.waitUntilSettled(batch);
    // The session is kept for another round for half a minute; its end belongs to the round.
    await deployment.app.stop();
    const { commands, sent, received } = proxy.takeTraffic();
    const targetRequests = graph.statistics.snapshot().requests.length - requestsBefore;
    const events = deployment.log.slice(mark);
    const planned = events.find(({ message }) => message === "folder.planned");
    const synced = events.find(({ message }) => message === "mailbox.synced");
    const shown = withoutSecrets(commands);
    return {
      messages: first.syncedItemCount,
      folders: Number(planned?.folders),
      commands: shown,
      sent,
      received,
      ms: Date.parse(synced?.time ?? "") - Date.parse(planned?.time ?? ""),
      targetRequests,
      problems: [
        ...(status === "Synced" ? [] : [`the round ended as ${status}`]),
        ...(targetRequests === 0 ? [] : [`${targetRequests} requests to the target`]),
        ...problemsIn(shown, source.listStatus, Number(planned?.folders)),
      ],
    };
  } finally {
    await deployment.stop();
    await proxy.stop();
  }
}

function problemsIn(commands: readonly string[], listStatus: boolean, folders: number): readonly string[] {
  const work = commands.filter((command) => !sessionCommands.test(command));
  const count = (pattern: RegExp) => work.filter((command) => pattern.test(command)).length;
  const allowed = listStatus ? /^LIST .* RETURN \(.*STATUS \(/i : /^(LIST|LSUB|STATUS) /i;
  const wrong = work.filter((command) => !allowed.test(command));
  const expected = listStatus ? 1 : folders;
  const found = count(listStatus ? allowed : /^STATUS /i);
  return [
    ...wrong.map((command) => `more than a listing: ${command}`),
    ...(found === expected ? [] : [`${found} commands for the status of ${folders} folders`]),
  ];
}

/** SASL responses, which are lines of their own, and the arguments of logins stay out of what is printed. */
function withoutSecrets(commands: readonly string[]): readonly string[] {
  return commands
    .filter((_, index) => !/^AUTHENTICATE\b/i.test(commands[index - 1] ?? ""))
    .map((command) => command.replace(/^(LOGIN|AUTHENTICATE \S+)\b.*$/i, "$1 ..."));
}
