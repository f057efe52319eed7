import { randomUUID } from "node:crypto";
import type { ContentStore } from "./content.ts";
import { GraphError } from "./errors.ts";
import { Mailbox, type MailboxOptions, type User } from "./mailbox.ts";

export interface NewMailbox {
  /** Object id in the directory; a new one when absent. */
  readonly id?: string;
  readonly userPrincipalName: string;
  /** Primary SMTP address; the userPrincipalName when absent. */
  readonly mail?: string;
  /** Further addresses, with or without `smtp:`. */
  readonly proxyAddresses?: readonly string[];
  readonly displayName?: string;
  readonly quotaBytes?: number;
  /** What an administrator sets with `Set-Mailbox -MaxReceiveSize`; the tenant's limit when absent. */
  readonly maxMessageBytes?: number;
  readonly folderNames?: NonNullable<MailboxOptions["folderNames"]>;
  readonly missingFolders?: NonNullable<MailboxOptions["missingFolders"]>;
  /** False for a user without an Exchange licence. */
  readonly hasMailbox?: boolean;
  /** False for a shared or room mailbox, and for a user whose sign-in is blocked. */
  readonly accountEnabled?: boolean;
}

/** The directory of one tenant and its mailboxes. */
export class Tenant {
  readonly contents: ContentStore;
  readonly now: () => number;
  readonly #maxMessageBytes: number;
  readonly #users: User[] = [];
  readonly #mailboxes = new Map<string, Mailbox>();

  constructor(contents: ContentStore, maxMessageBytes: number, now: () => number) {
    this.contents = contents;
    this.#maxMessageBytes = maxMessageBytes;
    this.now = now;
  }

  get users(): readonly User[] {
    return this.#users;
  }

  get mailboxes(): Iterable<Mailbox> {
    return this.#mailboxes.values();
  }

  /** @throws Error where an address is taken: the directory keeps them unique. */
  add(options: NewMailbox): User {
    const mail = options.hasMailbox === false ? options.mail : (options.mail ?? options.userPrincipalName);
    const aliases = (options.proxyAddresses ?? []).map((address) =>
      /^[A-Za-z]+:/.test(address) ? address : `smtp:${address}`,
    );
    const user: User = {
      id: options.id ?? randomUUID(),
      userPrincipalName: options.userPrincipalName,
      displayName: options.displayName ?? options.userPrincipalName,
      mail,
      proxyAddresses: mail === undefined ? aliases : [`SMTP:${mail}`, ...aliases],
      accountEnabled: options.accountEnabled ?? true,
    };
    const taken = new Set(this.#users.flatMap(identifiers));
    if (identifiers(user).some((identifier) => taken.has(identifier)))
      throw new Error("A user with this id or one of these addresses exists already.");
    this.#users.push(user);
    if (options.hasMailbox !== false)
      this.#mailboxes.set(
        user.id,
        new Mailbox(user, {
          maxMessageBytes: options.maxMessageBytes ?? this.#maxMessageBytes,
          ...(options.quotaBytes === undefined ? {} : { quotaBytes: options.quotaBytes }),
          ...(options.folderNames === undefined ? {} : { folderNames: options.folderNames }),
          ...(options.missingFolders === undefined ? {} : { missingFolders: options.missingFolders }),
        }),
      );
    return user;
  }

  /** By object id or userPrincipalName, which is all a path of Graph takes; not by another address. */
  user(idOrPrincipalName: string): User | undefined {
    const wanted = idOrPrincipalName.toLowerCase();
    return this.#users.find(
      (user) => user.id.toLowerCase() === wanted || user.userPrincipalName.toLowerCase() === wanted,
    );
  }

  /** By object id or any address. */
  find(idOrAddress: string): User | undefined {
    return this.#users.find((user) => identifiers(user).includes(idOrAddress.toLowerCase()));
  }

  /** The mailbox behind a path. @throws GraphError 404 as Exchange gives it. */
  mailbox(idOrPrincipalName: string): Mailbox {
    const user = this.user(idOrPrincipalName);
    if (user === undefined)
      throw new GraphError(404, "ErrorInvalidUser", `The requested user '${idOrPrincipalName}' is invalid.`);
    const mailbox = this.#mailboxes.get(user.id);
    if (mailbox === undefined)
      throw new GraphError(
        404,
        "MailboxNotEnabledForRESTAPI",
        "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
      );
    return mailbox;
  }
}

function identifiers(user: User): string[] {
  return [
    ...new Set([
      user.id.toLowerCase(),
      user.userPrincipalName.toLowerCase(),
      ...user.proxyAddresses.map((address) => address.slice(address.indexOf(":") + 1).toLowerCase()),
    ]),
  ];
}
