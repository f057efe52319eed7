import { setTimeout as sleep } from "node:timers/promises";
import { readImapMailbox } from "../compare/imap-mailbox.ts";
import { compareImapToImap } from "../compare/imap-to-imap.ts";
import { type Deployment, startDeployment } from "../deployment.ts";
import { userAccess } from "../imap-access.ts";
import { type DovecotServer, startDovecot } from "../imap-servers/dovecot.ts";
import { KeyVaultStandIn } from "../key-vault.ts";
import { newMail } from "./mail.ts";
import { adminMarker, type Cell, type CellSource, type RefusedCell } from "./source.ts";

/** What became of one step of a cell: undefined if all is well, otherwise what is wrong. */
export type Outcome = string | undefined;

export interface CellResult {
  readonly server: string;
  readonly title: string;
  readonly login: string;
  /** Everything once, equal to the source. */
  readonly initialCopy: Outcome;
  /** Another round copies nothing. */
  readonly secondRound: Outcome;
  /** New mail and a changed flag arrive, and nothing else does. */
  readonly newMail: Outcome;
}

export interface RefusedResult {
  readonly server: string;
  readonly title: string;
  /** The mailbox tells the code of the cell, and has nothing. It may be tried again for hours, since some codes pass. */
  readonly refused: Outcome;
}

export interface MatrixResult {
  readonly cells: readonly CellResult[];
  readonly refused: readonly RefusedResult[];
  /** None of the administrators' own mail is in the target. */
  readonly adminMail: Outcome;
}

/** All batches run at once. */
const usualSettleMs = 300_000;

const addressOf = (batch: string): string => `${batch}@contoso.com`;

/**
 * Runs the journey of all cells at once through one deployment, a batch and a mailbox a cell, into a Dovecot.
 * @param onResult told of each cell as it ends.
 */
export async function runMatrix(
  cells: readonly Cell[],
  refused: readonly RefusedCell[],
  onResult: (result: CellResult | RefusedResult) => void = () => undefined,
): Promise<MatrixResult> {
  const named = cells.map((cell, index) => ({ cell, batch: `cell-${index + 1}` }));
  const namedRefused = refused.map((cell, index) => ({ cell, batch: `refused-${index + 1}` }));
  const target = await startDovecot({
    users: [...named, ...namedRefused].map(({ batch }) => addressOf(batch)),
  });
  const vault = await KeyVaultStandIn.start();
  let deployment: Deployment | undefined;
  try {
    deployment = await startDeployment({ settings: { ...settingsOf(target), ...vault.settings } });
    const journey = new Journey(deployment, target, vault);
    const report = async <T extends CellResult | RefusedResult>(result: Promise<T>): Promise<T> => {
      onResult(await result);
      return result;
    };
    const [cellResults, refusedResults] = await Promise.all([
      Promise.all(named.map(({ cell, batch }) => report(journey.copy(cell, batch)))),
      Promise.all(namedRefused.map(({ cell, batch }) => report(journey.refuse(cell, batch)))),
    ]);
    const batches = [...named, ...namedRefused].map(({ batch }) => batch);
    return { cells: cellResults, refused: refusedResults, adminMail: await journey.adminMail(batches) };
  } finally {
    await deployment?.stop();
    await vault.stop();
    await target.stop();
  }
}

function settingsOf(target: DovecotServer): Record<string, string> {
  return {
    TARGET: "imap",
    TARGET_IMAP_HOST: "localhost",
    TARGET_IMAP_PORT: String(target.tlsPort),
    TARGET_IMAP_AUTHENTICATION: "password",
    TARGET_IMAP_USER_FORMAT: `{emailAddress}*${target.adminUser}`,
    TARGET_IMAP_PASSWORD: target.adminPassword,
    TARGET_IMAP_ACCEPT_UNTRUSTED_CERTIFICATES: "true",
  };
}

class Journey {
  readonly #deployment: Deployment;
  readonly #target: DovecotServer;
  readonly #vault: KeyVaultStandIn;

  constructor(deployment: Deployment, target: DovecotServer, vault: KeyVaultStandIn) {
    this.#deployment = deployment;
    this.#target = target;
    this.#vault = vault;
  }

  async copy(cell: Cell, batch: string): Promise<CellResult> {
    const result = { server: "?", title: cell.title, login: cell.login };
    const notReached = "not reached";
    let source: CellSource;
    try {
      source = await cell.open();
    } catch (error) {
      return { ...result, initialCopy: textOf(error), secondRound: notReached, newMail: notReached };
    }
    const step = async (action: () => Promise<Outcome>): Promise<Outcome> => action().catch(textOf);
    const reached = { ...result, server: source.server };
    const initialCopy = await step(async () => {
      await this.#upload(batch, source);
      return (await this.#settled(batch, cell.settleMs)) ?? (await this.#difference(batch, source));
    });
    if (initialCopy !== undefined)
      return { ...reached, initialCopy, secondRound: notReached, newMail: notReached };
    const secondRound = await step(() => this.#sync(batch, 0));
    const newMailOutcome = await step(async () => {
      await source.change(newMail(batch));
      return (await this.#sync(batch, 1)) ?? (await this.#difference(batch, source));
    });
    return { ...reached, initialCopy, secondRound, newMail: newMailOutcome };
  }

  async refuse(cell: RefusedCell, batch: string): Promise<RefusedResult> {
    const { title, code } = cell;
    try {
      const source = await cell.open();
      await this.#upload(batch, source);
      const deadline = Date.now() + usualSettleMs;
      let [mailbox] = await this.#deployment.mailboxes(batch);
      while (mailbox?.error?.code !== code && !isOver(mailbox) && Date.now() < deadline) {
        await sleep(250);
        [mailbox] = await this.#deployment.mailboxes(batch);
      }
      const isRefused = mailbox?.error?.code === code && mailbox.syncedItemCount === 0;
      const found = `${mailbox?.status} ${mailbox?.error?.code ?? ""}`;
      return {
        server: source.server,
        title,
        refused: isRefused ? undefined : `expected ${code}, is ${found}`,
      };
    } catch (error) {
      return { server: "?", title, refused: textOf(error) };
    }
  }

  /** Looks for the administrators' mail in every mailbox of the target. */
  async adminMail(batches: readonly string[]): Promise<Outcome> {
    for (const batch of batches) {
      const mailbox = await readImapMailbox(userAccess(this.#target, addressOf(batch)));
      for (const messages of mailbox.values())
        if (messages.some(({ messageId }) => messageId?.includes(adminMarker)))
          return `mail of an administrator is in the mailbox of ${batch}`;
    }
    return undefined;
  }

  async #upload(
    batch: string,
    { endpoint, row, secrets = {} }: Pick<CellSource, "endpoint" | "row" | "secrets">,
  ): Promise<void> {
    for (const [name, value] of Object.entries(secrets)) this.#vault.secrets.set(name, value);
    await this.#deployment.putEndpoint(`${batch}-source`, endpoint);
    await this.#deployment.upload(`${batch}-source`, batch, [{ emailAddress: addressOf(batch), ...row }]);
  }

  async #settled(batch: string, settleMs = usualSettleMs): Promise<Outcome> {
    const { status } = await this.#deployment.waitUntilSettled(batch, settleMs);
    if (status === "Synced") return undefined;
    const [mailbox] = await this.#deployment.mailboxes(batch);
    return `${status}, ${mailbox?.error?.code}: ${mailbox?.error?.message}`;
  }

  /** A round of the batch, which has to copy so many messages. */
  async #sync(batch: string, expected: number): Promise<Outcome> {
    const mark = this.#deployment.log.length;
    const { status } = await this.#deployment.request("POST", `batches/${batch}/sync`);
    if (status !== 202) return `POST sync answered ${status}`;
    const unsettled = await this.#settled(batch);
    if (unsettled !== undefined) return unsettled;
    const copied = this.#deployment.log
      .slice(mark)
      .filter((event) => event.message === "chunk.copied" && event.batch === batch)
      .reduce((sum, event) => sum + Number(event.items), 0);
    return copied === expected ? undefined : `${copied} messages copied, ${expected} expected`;
  }

  async #difference(batch: string, source: CellSource): Promise<Outcome> {
    source.behave?.();
    const target = userAccess(this.#target, addressOf(batch));
    const difference = await compareImapToImap(source.access, target, source.folderMap, source.isExpected);
    return difference.equal ? undefined : difference.report;
  }
}

function isOver(mailbox: { readonly status: string } | undefined): boolean {
  return mailbox?.status === "Failed" || mailbox?.status === "Synced";
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
