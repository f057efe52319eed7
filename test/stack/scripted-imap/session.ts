import { ConnectionEnded, type ScriptedConnection } from "./connection.ts";
import type { Dialect } from "./dialects.ts";
import type { Faults } from "./faults.ts";
import { fetchItems, fetchResponse, type Quirks } from "./fetch.ts";
import { isByToken, type LoginRequest, readSaslResponse } from "./logins.ts";
import type { ScriptedAccount, ScriptedFolder, ScriptedMessage } from "./mailbox.ts";
import { decodeName, encodeName, matchesPattern, quoted } from "./names.ts";
import { search } from "./search.ts";
import { formatSequenceSet, inSequenceSet } from "./sequence-set.ts";
import { listOf, parseTokens, type Token, textOf } from "./tokens.ts";

/** What a session knows of its server. */
export interface SessionHost {
  readonly dialect: Dialect;
  readonly faults: Faults;
  readonly quirks: Quirks;
  /** The account a login opens; undefined when it is refused. */
  login(request: LoginRequest): { readonly user: string; readonly account: ScriptedAccount } | undefined;
  /** Told of every command, passwords and literals left out. */
  onCommand(command: string, user: string | undefined): void;
}

/** A refusal that a command's handler has found: the tagged answer without its tag. */
class Refusal extends Error {}

type Handler = (args: Token[]) => Promise<string>;

/** Serves one client until it leaves. */
export class ScriptedSession {
  readonly #connection: ScriptedConnection;
  readonly #host: SessionHost;
  #login: { readonly user: string; readonly account: ScriptedAccount } | undefined;
  #selected: ScriptedFolder | undefined;
  #usesUtf8 = false;

  constructor(connection: ScriptedConnection, host: SessionHost) {
    this.#connection = connection;
    this.#host = host;
  }

  async run(): Promise<void> {
    try {
      await this.#connection.send(this.#host.dialect.greeting);
      for (;;) {
        const command = await this.#connection.readCommand();
        if (command === undefined) return;
        await this.#serve(command);
      }
    } catch (error) {
      if (!(error instanceof ConnectionEnded)) throw error;
    }
  }

  async #serve(command: Buffer): Promise<void> {
    const [tag, verb, ...args] = parseTokens(command);
    const isByUid = textOf(verb).toUpperCase() === "UID";
    const name = isByUid ? `UID ${textOf(args.shift()).toUpperCase()}` : textOf(verb).toUpperCase();
    const line = describe(name, args);
    this.#host.onCommand(line, this.#login?.user);
    const reaction = this.#host.faults.take(line, this.#login?.user);
    this.#connection.arm(reaction);
    if (reaction?.kind === "stall") return;
    const answer = reaction?.kind === "reply" ? reaction.text : await this.#answer(name, args);
    await this.#connection.send(`${textOf(tag)} ${answer}`);
    if (name === "LOGOUT") await this.#connection.end("");
  }

  async #answer(name: string, args: Token[]): Promise<string> {
    const isOpen = name in this.#unauthenticated;
    const handler = isOpen ? this.#unauthenticated[name] : this.#authenticated[name];
    if (handler === undefined) return `BAD Unknown command ${name}`;
    if (!isOpen && this.#login === undefined) return "BAD Log in first";
    try {
      return await handler(args);
    } catch (error) {
      if (error instanceof Refusal) return error.message;
      if (error instanceof ConnectionEnded || !(error instanceof Error)) throw error;
      return `BAD ${error.message}`;
    }
  }

  readonly #unauthenticated: Readonly<Record<string, Handler>> = {
    CAPABILITY: async () => {
      await this.#connection.send(`* CAPABILITY ${this.#capabilities().join(" ")}`);
      return "OK Done";
    },
    NOOP: async () => "OK Done",
    LOGOUT: async () => {
      await this.#connection.send("* BYE Logging out");
      return "OK Done";
    },
    ID: async () => {
      this.#require("ID");
      await this.#connection.send(`* ID ${this.#host.dialect.id}`);
      return "OK Done";
    },
    LOGIN: async (args) => {
      if (this.#has("LOGINDISABLED")) throw new Refusal("NO LOGIN is disabled");
      const [name, secret] = args.map(textOf);
      return this.#logIn({ mechanism: "LOGIN", name: name ?? "", secret: secret ?? "", authorization: "" });
    },
    AUTHENTICATE: async (args) => {
      const mechanism = textOf(args[0]).toUpperCase();
      if (!this.#has(`AUTH=${mechanism}`)) throw new Refusal("NO Unsupported mechanism");
      const given = args[1];
      const response = given === undefined ? await this.#challenge("") : textOf(given);
      const request = readSaslResponse(mechanism, response);
      if (request === undefined) throw new Refusal("BAD Invalid SASL response");
      if (isByToken(mechanism) && this.#host.login(request) === undefined) {
        // The failure is told in a challenge that the client answers with an empty line.
        await this.#challenge(
          Buffer.from('{"status":"400","schemes":"bearer","scope":"https://mail.example/"}').toString(
            "base64",
          ),
        );
      }
      return this.#logIn(request);
    },
  };

  readonly #authenticated: Readonly<Record<string, Handler>> = {
    ENABLE: async (args) => {
      this.#require("ENABLE");
      const enabled = args.map((arg) => textOf(arg).toUpperCase()).filter((name) => this.#has(name));
      if (enabled.includes("UTF8=ACCEPT")) this.#usesUtf8 = true;
      await this.#connection.send(`* ENABLED ${enabled.join(" ")}`.trimEnd());
      return "OK Done";
    },
    NAMESPACE: async () => {
      this.#require("NAMESPACE");
      await this.#connection.send(`* NAMESPACE ${this.#host.dialect.namespace}`);
      return "OK Done";
    },
    LIST: (args) => this.#list(args),
    LSUB: async (args) => {
      await this.#listByPatterns([textOf(args[1])], (path, folder) =>
        folder.isSubscribed ? [`* LSUB ${this.#listing(path, folder)}`] : [],
      );
      return "OK Done";
    },
    STATUS: async (args) => {
      const path = this.#path(args[0]);
      const folder = this.#folder(path);
      if (!folder.isSelectable) throw new Refusal("NO Not selectable");
      const status = this.#status(path, folder, listOf(args[1]));
      await this.#connection.send(this.#host.dialect.rawNames ? Buffer.from(status, "latin1") : status);
      return "OK Done";
    },
    SELECT: (args) => this.#select(args, "READ-WRITE"),
    EXAMINE: (args) => this.#select(args, "READ-ONLY"),
    CLOSE: async () => {
      this.#selected = undefined;
      return "OK Done";
    },
    UNSELECT: async () => {
      this.#require("UNSELECT");
      this.#selected = undefined;
      return "OK Done";
    },
    CREATE: async (args) => {
      const path = this.#path(args[0]);
      if (this.#account.folders.has(path)) throw new Refusal("NO [ALREADYEXISTS] Folder exists");
      this.#account.create(path);
      return "OK Done";
    },
    SUBSCRIBE: async (args) => {
      this.#folder(this.#path(args[0])).isSubscribed = true;
      return "OK Done";
    },
    APPEND: (args) => this.#append(args),
    SEARCH: (args) => this.#search(args, false),
    "UID SEARCH": (args) => this.#search(args, true),
    FETCH: (args) => this.#fetch(args, false),
    "UID FETCH": (args) => this.#fetch(args, true),
    "UID STORE": (args) => this.#store(args),
  };

  get #account(): ScriptedAccount {
    if (this.#login === undefined) throw new Refusal("BAD Log in first");
    return this.#login.account;
  }

  #capabilities(): readonly string[] {
    const { dialect } = this.#host;
    return this.#login === undefined ? dialect.offered : dialect.capabilities;
  }

  #has(capability: string): boolean {
    return this.#capabilities().includes(capability);
  }

  #require(capability: string): void {
    if (!this.#has(capability)) throw new Refusal(`BAD Unknown command, ${capability} is not offered`);
  }

  #logIn(request: LoginRequest): string {
    const login = this.#host.login(request);
    if (login === undefined) return this.#host.dialect.loginRefused;
    this.#login = login;
    return `OK [CAPABILITY ${this.#capabilities().join(" ")}] Logged in`;
  }

  async #challenge(text: string): Promise<string> {
    await this.#connection.send(`+ ${text}`);
    const response = await this.#connection.readCommand();
    if (response === undefined) throw new ConnectionEnded();
    return response.toString("latin1").trim();
  }

  #path(token: Token | undefined): string {
    const name =
      this.#host.dialect.rawNames && Buffer.isBuffer(token) ? token.toString("latin1") : textOf(token);
    const path = this.#keepsNames ? name : decodeName(name);
    return path.toUpperCase() === "INBOX" ? "INBOX" : path;
  }

  readonly #encode = (name: string): string => (this.#keepsNames ? name : encodeName(name));

  get #keepsNames(): boolean {
    return this.#usesUtf8 || this.#host.dialect.rawNames;
  }

  #name(path: string): string {
    return quoted(this.#encode(path));
  }

  #folder(path: string): ScriptedFolder {
    const folder = this.#account.folders.get(path);
    if (folder === undefined) throw new Refusal("NO [NONEXISTENT] No such folder");
    return folder;
  }

  async #list(args: Token[]): Promise<string> {
    const selection = Array.isArray(args[0]) ? listOf(args.shift()).map(textOf) : [];
    const [reference, pattern, keyword, options] = args;
    if (keyword !== undefined || Array.isArray(pattern) || selection.length > 0)
      this.#require("LIST-EXTENDED");
    const patterns = (Array.isArray(pattern) ? listOf(pattern) : [pattern ?? ""]).map(
      (item) => textOf(reference) + textOf(item),
    );
    if (patterns.length === 1 && patterns[0] === "") {
      await this.#connection.send(`* LIST (\\Noselect) ${quoted(this.#host.dialect.separator)} ""`);
      return "OK Done";
    }
    const wanted = listOf(options);
    const statusAt = wanted.findIndex((option) => textOf(option).toUpperCase() === "STATUS");
    if (statusAt !== -1) this.#require("LIST-STATUS");
    const showsSubscriptions = wanted.some((option) => textOf(option).toUpperCase() === "SUBSCRIBED");
    await this.#listByPatterns(patterns, (path, folder) => {
      const subscribed = showsSubscriptions && folder.isSubscribed ? ["\\Subscribed"] : [];
      const line = `* LIST ${this.#listing(path, folder, subscribed)}`;
      if (statusAt === -1 || !folder.isSelectable) return [line];
      return [line, this.#status(path, folder, listOf(wanted[statusAt + 1]))];
    });
    return "OK Done";
  }

  async #listByPatterns(
    patterns: readonly string[],
    linesOf: (path: string, folder: ScriptedFolder) => readonly string[],
  ): Promise<void> {
    const { separator } = this.#host.dialect;
    const decoded = patterns.map((pattern) => (this.#keepsNames ? pattern : decodeName(pattern)));
    for (const [path, folder] of [...this.#account.folders]) {
      if (!decoded.some((pattern) => matchesPattern(path, pattern, separator))) continue;
      for (const line of linesOf(path, folder))
        await this.#connection.send(this.#host.dialect.rawNames ? Buffer.from(line, "latin1") : line);
    }
  }

  #listing(path: string, folder: ScriptedFolder, more: readonly string[] = []): string {
    const { separator } = this.#host.dialect;
    const attributes = folder.attributes.filter(
      (name) => /^\\(noselect|nonexistent|noinferiors)$/i.test(name) || this.#has("SPECIAL-USE"),
    );
    if (this.#has("CHILDREN")) {
      const hasChildren = [...this.#account.folders.keys()].some((other) =>
        other.startsWith(path + separator),
      );
      attributes.push(hasChildren ? "\\HasChildren" : "\\HasNoChildren");
    }
    return `(${[...attributes, ...more].join(" ")}) ${quoted(separator)} ${this.#name(path)}`;
  }

  #status(path: string, folder: ScriptedFolder, items: readonly Token[]): string {
    const values: Readonly<Record<string, number>> = {
      MESSAGES: folder.messages.length,
      RECENT: 0,
      UIDNEXT: folder.uidNext,
      UIDVALIDITY: folder.uidValidity,
      UNSEEN: folder.messages.filter(({ flags }) => !flags.includes("\\Seen")).length,
      ...(this.#has("CONDSTORE") ? { HIGHESTMODSEQ: folder.highestModseq } : {}),
    };
    const pairs = items.map((item) => {
      const name = textOf(item).toUpperCase();
      const value = values[name];
      if (value === undefined) throw new Refusal(`BAD Unknown STATUS item ${name}`);
      return `${name} ${value}`;
    });
    return `* STATUS ${this.#name(path)} (${pairs.join(" ")})`;
  }

  async #select(args: Token[], access: "READ-WRITE" | "READ-ONLY"): Promise<string> {
    this.#selected = undefined;
    const folder = this.#folder(this.#path(args[0]));
    if (!folder.isSelectable) throw new Refusal("NO Not selectable");
    this.#selected = folder;
    const flags = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";
    const permanent = this.#host.dialect.keepsKeywords ? `${flags} \\*` : `${flags} $MDNSent`;
    const lines = [
      `* FLAGS (${flags})`,
      `* OK [PERMANENTFLAGS (${access === "READ-ONLY" ? "" : permanent})] Flags`,
      `* ${folder.messages.length} EXISTS`,
      "* 0 RECENT",
      `* OK [UIDVALIDITY ${folder.uidValidity}] UIDs valid`,
      `* OK [UIDNEXT ${folder.uidNext}] Next UID`,
      ...(this.#has("CONDSTORE") ? [`* OK [HIGHESTMODSEQ ${folder.highestModseq}] Highest`] : []),
    ];
    for (const line of lines) await this.#connection.send(line);
    return `OK [${access}] Done`;
  }

  async #append(args: Token[]): Promise<string> {
    const content = args.pop();
    if (!Buffer.isBuffer(content)) throw new Refusal("BAD APPEND needs a literal");
    const path = this.#path(args.shift());
    const folder = this.#account.folders.get(path);
    if (folder === undefined) throw new Refusal("NO [TRYCREATE] No such folder");
    const flags = Array.isArray(args[0]) ? listOf(args.shift()).map(textOf) : [];
    const internalDate = textOf(args.shift());
    const kept = this.#host.dialect.keepsKeywords
      ? flags
      : flags.filter((flag) => /^(\\|\$MDNSent$)/.test(flag));
    const { uid } = folder.append({ content, flags: kept, ...(internalDate === "" ? {} : { internalDate }) });
    return this.#has("UIDPLUS") ? `OK [APPENDUID ${folder.uidValidity} ${uid}] Done` : "OK Done";
  }

  async #search(args: Token[], isByUid: boolean): Promise<string> {
    const folder = this.#open();
    const isExtended = textOf(args[0]).toUpperCase() === "RETURN";
    if (isExtended) this.#require("ESEARCH");
    const found = search(folder, isExtended ? args.slice(2) : args);
    const numbers = this.#host.quirks.finds(
      found.map((message) => (isByUid ? message.uid : folder.messages.indexOf(message) + 1)),
      (isExtended ? args.slice(2) : args).map(textOf).join(" "),
    );
    if (isExtended) {
      const all = numbers.length === 0 ? "" : ` ALL ${formatSequenceSet(numbers)}`;
      await this.#connection.send(`* ESEARCH (TAG "search")${isByUid ? " UID" : ""}${all}`);
    } else await this.#connection.send(["* SEARCH", ...numbers].join(" "));
    return "OK Done";
  }

  async #fetch(args: Token[], isByUid: boolean): Promise<string> {
    const folder = this.#open();
    const asked = fetchItems(args[1]);
    const items = isByUid && !asked.some((item) => item.toUpperCase() === "UID") ? ["UID", ...asked] : asked;
    const changedSince = this.#changedSince(args[2]);
    const { quirks } = this.#host;
    for (const [message, sequence] of this.#addressed(folder, textOf(args[0]), isByUid)) {
      if (message.modseq <= changedSince || quirks.omits(message, isByUid)) continue;
      const response = fetchResponse(message, sequence, items, quirks, this.#encode);
      const failure = quirks.failsAt(message, items);
      if (failure?.kind === "reply") return failure.text;
      if (failure?.kind === "bye") return this.#connection.end(`* BYE ${failure.text}\r\n`);
      if (failure?.kind === "drop")
        return this.#connection.end(response.subarray(0, failure.afterBytes ?? 0));
      await this.#connection.send(response);
    }
    return "OK Done";
  }

  #changedSince(modifiers: Token | undefined): number {
    const [name, value] = listOf(modifiers).map(textOf);
    if (name === undefined) return 0;
    this.#require("CONDSTORE");
    return Number(value);
  }

  async #store(args: Token[]): Promise<string> {
    const folder = this.#open();
    const [set, action, value] = args;
    const flags = listOf(value).map(textOf);
    const kind = textOf(action).toUpperCase();
    for (const [message, sequence] of this.#addressed(folder, textOf(set), true)) {
      const others = message.flags.filter((flag) => !flags.includes(flag));
      const wanted = kind.startsWith("+") ? [...others, ...flags] : kind.startsWith("-") ? others : flags;
      folder.setFlags(message.uid, wanted);
      if (kind.endsWith(".SILENT")) continue;
      await this.#connection.send(fetchResponse(message, sequence, ["UID", "FLAGS"], this.#host.quirks));
    }
    return "OK Done";
  }

  #open(): ScriptedFolder {
    if (this.#selected === undefined) throw new Refusal("BAD No folder is selected");
    return this.#selected;
  }

  #addressed(folder: ScriptedFolder, set: string, isByUid: boolean): [ScriptedMessage, number][] {
    const highest = isByUid ? (folder.messages.at(-1)?.uid ?? 0) : folder.messages.length;
    return folder.messages
      .map((message, index): [ScriptedMessage, number] => [message, index + 1])
      .filter(([message, sequence]) => inSequenceSet(set, isByUid ? message.uid : sequence, highest));
  }
}

/** A command as it may be kept: no password, no token, no content. */
function describe(name: string, args: readonly Token[]): string {
  if (name === "LOGIN") return `LOGIN ${textOf(args[0])}`;
  if (name === "AUTHENTICATE") return `AUTHENTICATE ${textOf(args[0])}`;
  return [name, ...args.map(describeToken)].join(" ");
}

function describeToken(token: Token): string {
  if (Array.isArray(token)) return `(${listOf(token).map(describeToken).join(" ")})`;
  return Buffer.isBuffer(token) ? `{${token.length}}` : textOf(token);
}
