import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type Deployment, startDeployment } from "../../stack/deployment.ts";
import { userAccess, withSession } from "../../stack/imap-access.ts";
import { type DovecotServer, startDovecot } from "../../stack/imap-servers/dovecot.ts";
import { Random } from "../../stack/random.ts";
import { startImapTarget } from "../dovecot-pair.ts";
import { type EditCounts, edit, fill } from "./generator.ts";
import { TargetModel } from "./model.ts";
import { SourceMailbox } from "./source-mailbox.ts";
import { GraphTargetUser, ImapTargetUser, type TargetUser } from "./target-user.ts";

const run = promisify(execFile);
const roundTimeoutMs = 300_000;

export type TargetKind = "imap" | "graph";

/** What edits are made with. */
export interface Played {
  readonly source: SourceMailbox;
  readonly user: TargetUser;
  readonly model: TargetModel;
  /** Edits so far, by kind. */
  readonly counts: EditCounts;
  /** Told of every edit by the user; the source tells of its own. */
  readonly journal: (edit: string) => void;
}

/** What is done to the mailboxes before each round. */
export interface Script {
  readonly propagateDeletes: boolean;
  /** True if the app holds the permission to change sensitive properties in Exchange. */
  readonly permitted?: boolean;
  readonly rounds: readonly ((played: Played) => Promise<void>)[];
  /** Done in the middle of the last round but one, which is not compared, once it has copied something. */
  readonly during?: (played: Played) => Promise<void>;
}

export interface Play {
  readonly seed: string;
  readonly propagateDeletes: boolean;
  readonly permitted: boolean;
  /** Messages at the source in the first round. */
  readonly messages: number;
  readonly rounds: number;
  /** Edits before each round but the first. */
  readonly edits: number;
}

export interface Outcome {
  /** What differed after the first round that went wrong; empty if all went well. */
  readonly differences: readonly string[];
  /** Every edit, and where rounds began. */
  readonly journal: readonly string[];
  /** Rounds that were compared. */
  readonly rounds: number;
  readonly counts: EditCounts;
  /** Rounds that stopped until many deletions were confirmed. */
  readonly confirmations: number;
  readonly seconds: number;
}

/** A source, a target and the app between them, on which mailboxes of their own are edited and synchronized. */
export interface Stage {
  readonly deployment: Deployment;
  perform(script: Script): Promise<Outcome>;
  stop(): Promise<void>;
}

/** A script of random edits. */
export function scriptOf({ seed, propagateDeletes, permitted, messages, rounds, edits }: Play): Script {
  const random = new Random(seed);
  return {
    propagateDeletes,
    permitted,
    rounds: [
      ({ source }) => fill(source, random.fork("fill"), messages),
      ...Array.from(
        { length: rounds - 1 },
        (_, index) => (played: Played) => edit({ ...played, random: random.fork(index + 1) }, edits),
      ),
    ],
  };
}

/** @param mailboxes how many scripts will be performed. */
export async function startStage(kind: TargetKind, mailboxes: number): Promise<Stage> {
  const server = await startDovecot({ users: mailboxes });
  const users = Array.from({ length: mailboxes }, (_, index) => server.userName(index + 1));
  const emailAddress = (user: string) => `${user}@contoso.com`;
  const imap = kind === "imap" ? await startImapTarget({ users, emailAddress }) : undefined;
  const deployment = await startDeployment({ settings: { ...imap?.settings } });
  const { graph } = deployment.stack;
  for (const user of users) graph?.addMailbox({ userPrincipalName: emailAddress(user) });
  await deployment.putEndpoint("dovecot", {
    host: "localhost",
    port: server.tlsPort,
    acceptUntrustedCertificates: true,
  });
  const withTargetUser = <T>(
    user: string,
    permitted: boolean,
    action: (target: TargetUser) => Promise<T>,
  ): Promise<T> => {
    if (imap) return withSession(imap.access(user), (client) => action(new ImapTargetUser(client)));
    if (graph) {
      graph.permitSensitiveUpdates(permitted);
      return action(new GraphTargetUser(graph, emailAddress(user), permitted));
    }
    throw new Error("the deployment has no target");
  };

  return {
    deployment,
    async perform(script) {
      const user = users.shift();
      if (user === undefined) throw new Error("there are no more mailboxes");
      const batch = `play-${user}`;
      const row = { emailAddress: emailAddress(user), userName: user, password: server.password };
      const upload = () =>
        deployment.upload("dovecot", batch, [row], { propagateDeletes: script.propagateDeletes });
      const rounds = new Rounds(deployment, batch);
      return withSession(userAccess(server, user), (client) =>
        withTargetUser(user, script.permitted ?? false, async (target) => {
          const journal: string[] = [];
          const note = (edit: string) => journal.push(edit);
          const source = new SourceMailbox(client, uidValidities(server, user), note);
          const model = new TargetModel(target, script.propagateDeletes);
          const played = { source, user: target, model, counts: new Map(), journal: note };
          const copying = (since: number) => hasCopied(deployment, since);
          return { ...(await perform(script, played, upload, rounds, copying)), journal };
        }),
      );
    },
    async stop() {
      await deployment.stop();
      await imap?.server.stop();
      await server.stop();
    },
  };
}

async function perform(
  script: Script,
  played: Played,
  upload: () => Promise<void>,
  rounds: Rounds,
  copying: (since: number) => Promise<void>,
): Promise<Omit<Outcome, "journal">> {
  const { source, user, model, counts, journal } = played;
  const began = Date.now();
  let differences: readonly string[] = [];
  let done = 0;
  for (const change of script.rounds) {
    await change(played);
    journal(`round ${++done}`);
    const since = Date.now();
    await (done === 1 ? upload() : rounds.start());
    const interfered = script.during !== undefined && done === script.rounds.length - 1;
    // Folders are never changed in place.
    const before = new Map(source.folders);
    if (interfered) {
      await copying(since);
      await script.during?.(played);
    }
    const { failure, confirmed } = await rounds.end();
    if (failure === undefined) model.round(before);
    for (const path of confirmed) model.confirmed(path);
    if (failure === undefined && interfered) continue;
    differences = failure === undefined ? model.compare(await user.observe()) : [failure];
    if (differences.length > 0) break;
  }
  const seconds = (Date.now() - began) / 1_000;
  return { differences, rounds: done, counts, confirmations: rounds.confirmations, seconds };
}

/** Waits until something was copied after an instant. */
async function hasCopied({ log }: Deployment, since: number): Promise<void> {
  const copied = () =>
    log.some(({ message, time }) => message === "chunk.copied" && Date.parse(time) >= since);
  for (const deadline = Date.now() + roundTimeoutMs; !copied(); await sleep(2))
    if (Date.now() > deadline) throw new Error("the round has copied nothing");
}

/** Starts the rounds of a batch with one mailbox, and waits for their end. */
class Rounds {
  readonly #deployment: Deployment;
  readonly #batch: string;
  #lastSyncedAt: string | null = null;
  confirmations = 0;

  constructor(deployment: Deployment, batch: string) {
    this.#deployment = deployment;
    this.#batch = batch;
  }

  async start(action = "sync"): Promise<void> {
    const { status } = await this.#deployment.request("POST", `batches/${this.#batch}/${action}`);
    if (status !== 202) throw new Error(`${action} was answered with ${status}`);
  }

  /**
   * Confirms deletions, and folders that came back without their mail, where that is asked for.
   * @returns why the round failed, if it did, and the paths of confirmed folders.
   */
  async end(): Promise<{ readonly failure?: string; readonly confirmed: readonly string[] }> {
    const deadline = Date.now() + roundTimeoutMs;
    const confirmed: string[] = [];
    let last = "no mailbox";
    while (Date.now() < deadline) {
      const [mailbox] = await this.#deployment.mailboxes(this.#batch);
      if (mailbox) last = `${mailbox.status} ${mailbox.error?.code ?? ""}`;
      if (mailbox?.status === "Synced" && mailbox.lastSyncedAt !== this.#lastSyncedAt) {
        this.#lastSyncedAt = mailbox.lastSyncedAt;
        const paths = await this.#confirmFolders(mailbox.id);
        if (paths.length === 0) return { confirmed };
        confirmed.push(...paths);
      }
      if (mailbox?.status === "Failed") {
        if (mailbox.error?.code !== "TooManyDeletions")
          return { failure: `the round failed: ${mailbox.error?.code} ${mailbox.error?.message}`, confirmed };
        this.confirmations++;
        await this.start("retry");
        await sleep(300);
      }
      await sleep(50);
    }
    return { failure: `the round did not end: ${last}`, confirmed };
  }

  /** @returns the paths of those that waited for it, which another round goes on with. */
  async #confirmFolders(mailbox: string): Promise<readonly string[]> {
    const path = `batches/${this.#batch}/mailboxes/${mailbox}`;
    const { body } = await this.#deployment.request("GET", path);
    const { folders } = body as { folders: readonly { id: string; path: string; status: string }[] };
    const waiting = folders.filter(({ status }) => status === "WaitsForConfirmation");
    for (const { id } of waiting) {
      const { status } = await this.#deployment.request("POST", `${path}/folders/${id}/confirm`);
      if (status !== 202) throw new Error(`the confirmation of a folder was answered with ${status}`);
      this.confirmations++;
    }
    return waiting.map(({ path }) => path);
  }
}

/** Gives folders of a user UIDVALIDITYs that Dovecot does not give out by itself. */
function uidValidities(server: DovecotServer, user: string): (path: string) => Promise<void> {
  let last = 3_000_000_000;
  return async (path) => {
    last++;
    const command = ["mailbox", "update", "-u", user, "--uid-validity", String(last), path];
    await run("doveadm", ["-c", server.configFile, ...command]);
  };
}

/** One line on a play. */
export function lineOf(play: Play, outcome: Outcome): string {
  const edits = [...outcome.counts.values()].reduce((sum, count) => sum + count, 0);
  const byUser = [...outcome.counts].reduce(
    (sum, [name, count]) => (name.startsWith("user") ? sum + count : sum),
    0,
  );
  const verdict = outcome.differences.length === 0 ? "equal" : `${outcome.differences.length} DIFFERENCES`;
  return [
    `seed ${play.seed}`,
    `propagateDeletes ${play.propagateDeletes}`,
    `permitted ${play.permitted}`,
    `${edits} edits (${byUser} in the target)`,
    `${outcome.rounds} rounds`,
    `${outcome.confirmations} confirmations`,
    `${outcome.seconds.toFixed(1)} s`,
    verdict,
  ].join(", ");
}
