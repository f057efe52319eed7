import { lookup } from "node:dns/promises";
import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { Probed } from "../../migration/ports/probed.ts";
import type { TargetConnector, TargetIdentity, TargetMailbox } from "../../migration/ports/target.ts";
import type { IdentityToken } from "../identity-token.ts";
import { AppendLines } from "./append-lines.ts";
import { takesPipelines } from "./append-pipeline.ts";
import { type ConnectionSettings, ImapConnection, type Timeouts } from "./connection.ts";
import { storableFlags } from "./flags.ts";
import { HandedOn } from "./handed-on.ts";
import type { Credentials } from "./login.ts";
import { ConnectionPool } from "./pool.ts";
import { createServerProbe } from "./probe.ts";
import { Semaphore } from "./semaphore.ts";
import { isCourier } from "./software.ts";
import { ImapTargetMailbox } from "./target-mailbox.ts";

export interface ImapTargetSettings {
  readonly host: string;
  readonly port: number;
  readonly security: "ssl" | "tls" | "none";
  readonly authentication: "xoauth2" | "password";
  /** The login for an address; `{emailAddress}` stands for it. */
  readonly userFormat: string;
  /** One password for all logins, such as a master user's. */
  readonly password?: string | undefined;
  /** An access token for IMAP, asked for before each connection. */
  readonly token?: IdentityToken | undefined;
  readonly acceptUntrustedCertificates: boolean;
  readonly connectionsPerMailbox: number;
}

/** Connections on which nothing waits for the answer before it, of those that a mailbox may have. */
const maxLines = 2;
/** Milliseconds for each step of a probe, and for the whole. */
const probeStepMs = 2_000;
const probeMs = 5_000;

/** IMAP target server. */
export class ImapTarget implements TargetConnector, Probed {
  readonly #settings: ImapTargetSettings;
  readonly #timeouts: Timeouts;
  /** Capabilities that the server offers and refuses. */
  readonly #refused = new Set<string>();
  /** Where a server takes no pipelines a large message is held whole: one at a time in this process. */
  readonly #large = new Semaphore(1);

  readonly #handedOn = new HandedOn();

  constructor(settings: ImapTargetSettings, timeouts: Timeouts) {
    this.#settings = settings;
    this.#timeouts = timeouts;
  }

  /**
   * Logs in to see that the mailbox exists; who opens it next gets the connection. The address in lower case identifies the
   * mailbox.
   */
  async resolve(emailAddress: string): Promise<TargetIdentity> {
    const address = emailAddress.trim();
    this.#handedOn.leave(address, await this.#connect(address));
    return { id: address.toLowerCase(), emailAddress: address };
  }

  async open(target: TargetIdentity): Promise<TargetMailbox> {
    const { emailAddress } = target;
    const first = this.#handedOn.take(emailAddress) ?? (await this.#connect(emailAddress));
    const namespaces = first.knownNamespaces;
    const open = () => this.#connect(emailAddress, { namespaces });
    const openLine = () => this.#connect(emailAddress, { namespaces, leavesId: true });
    // Without UIDPLUS a copy is recognized by being the next one in its folder, so only one may be under way; and
    // Courier tells two of its sessions the same UID if they store at the same moment.
    const tellsUids = first.has("UIDPLUS") && !isCourier(first.greeting);
    const size = tellsUids ? this.#settings.connectionsPerMailbox : 1;
    const lines = takesPipelines(first) ? Math.min(maxLines, size - 1) : 0;
    return new ImapTargetMailbox(
      first,
      new ConnectionPool(first, size - lines, open),
      size - lines,
      lines === 0 ? undefined : new AppendLines(openLine, lines),
      this.#large,
    );
  }

  /** As far as is possible without a mailbox to log in to: connection, certificate, greeting, capabilities. */
  async probe(): Promise<void> {
    const { host, port, security, acceptUntrustedCertificates } = this.#settings;
    const addresses = await lookup(host, { all: true }).catch(() => []);
    const { steps } = await createServerProbe(probeStepMs).probe(
      {
        host,
        addresses: addresses.map(({ address }) => address),
        port,
        security,
        acceptUntrustedCertificates,
      },
      AbortSignal.timeout(probeMs),
    );
    const failed = steps.find(({ outcome }) => outcome === "failed");
    if (failed !== undefined)
      throw new MigrationError(
        failed.step === "certificate" ? "fatal" : "transient",
        failed.code ?? "TargetUnreachable",
        failed.message,
      );
  }

  representableFlags(flags: readonly string[]): readonly string[] {
    return storableFlags(flags);
  }

  async #connect(
    emailAddress: string,
    further: Pick<ConnectionSettings, "namespaces" | "leavesId"> = {},
  ): Promise<ImapConnection> {
    const { host, port, security, acceptUntrustedCertificates, userFormat } = this.#settings;
    const user = userFormat.replaceAll("{emailAddress}", () => emailAddress);
    try {
      return await ImapConnection.open({
        side: "target",
        host,
        port,
        security,
        acceptUntrustedCertificates,
        allowCompression: false,
        credentials: await this.#credentialsOf(user),
        timeouts: this.#timeouts,
        refused: this.#refused,
        ...further,
      });
    } catch (error) {
      throw isMigrationError(error) && error.code === "AuthorizationFailed" ? mailboxNotFound() : error;
    }
  }

  async #credentialsOf(user: string): Promise<Credentials> {
    const { authentication, password, token } = this.#settings;
    if (authentication === "xoauth2" && token) return { kind: "token", user, token: await token() };
    if (authentication === "password" && password !== undefined) return { kind: "password", user, password };
    throw new MigrationError(
      "fatal",
      "TargetCredentialMissing",
      "The IMAP target has no password or token for its authentication. Complete the TARGET_IMAP_ settings.",
    );
  }
}

function mailboxNotFound(): MigrationError {
  return new MigrationError(
    "mailbox",
    "TargetMailboxNotFound",
    "The target server has no mailbox for this address. Create it, then start the mailbox again.",
  );
}
