import { readFile, writeFile } from "node:fs/promises";
import type { BatchView, OperationView } from "../../shared/domain/api/batches.ts";
import type { CutoverView } from "../../shared/domain/api/cutover.ts";
import type { UploadCheck } from "../../shared/domain/api/files.ts";
import type { MailboxListAnswer as MailboxList, MailboxView } from "../../shared/domain/api/mailboxes.ts";
import type { BatchVerificationView } from "../../shared/domain/api/verification.ts";
import type { DiscoveredServer } from "../../shared/migration/discovery/discover-servers.ts";
import {
  batchHead,
  batchLines,
  checkLines,
  cutoverLines,
  discoveryLines,
  type ErrorGroup,
  errorLines,
  mailboxLines,
  rehearsalLines,
  stepLines,
  type TestStep,
  verificationLines,
} from "./answers.ts";
import { ApiError, type Client } from "./client.ts";
import { bytes, clock, table } from "./format.ts";
import { pauses } from "./pauses.ts";
import type { Terminal } from "./terminal.ts";
import { watch } from "./watch.ts";

/** What a command ends with. */
export const exit = {
  done: 0,
  /** The API refused, or could not be reached. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The answer is no: something failed, is missing, or is not ready. */
  no: 3,
} as const;
export type ExitCode = (typeof exit)[keyof typeof exit];

/** Options of all commands; which of them a command takes says {@link commands}. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export interface Call {
  readonly client: Client;
  readonly terminal: Terminal;
  /** Prints answers as JSON. */
  readonly json: boolean;
  readonly given: readonly string[];
  readonly flags: Flags;
}

export interface Command {
  /** Names of what has to be given, in their order; those in brackets may be left out. */
  readonly takes: readonly string[];
  readonly flags: readonly string[];
  readonly does: string;
  readonly run: (call: Call) => Promise<ExitCode>;
}

const longestPauseMs = 2_000;
/** Examples shown with each code of an error. */
const examples = "5";
/** An operation, or the reading of a file, that takes longer is left to itself. */
const patienceMs = 15 * 60_000;

export const commands: Readonly<Record<string, Command>> = {
  discover: {
    takes: ["domain"],
    flags: [],
    does: "finds the server of a mail domain",
    async run({ client, terminal, json, given: [domain = ""] }) {
      const found = await client.get<{
        domain: string;
        value: readonly DiscoveredServer[];
        notes: readonly string[];
      }>("discover", { domain });
      terminal.show(json ? found : discoveryLines(found, terminal));
      return found.value.some(({ outcome }) => outcome === "ok") ? exit.done : exit.no;
    },
  },
  endpoint: {
    takes: ["name"],
    flags: ["host", "port", "security", "settings", "user"],
    does: "stores an endpoint (--host, --port, --security, or --settings FILE.json), then tests it, with --user NAME and the password in SOURCE_PASSWORD a login as well",
    run: putEndpoint,
  },
  check: {
    takes: ["endpoint", "file.csv"],
    flags: [],
    does: "checks a CSV without storing it",
    async run({ client, terminal, json, given: [endpoint = "", file = ""] }) {
      const path = `uploads/${segment(endpoint)}/check.csv?validateOnly=true`;
      const { body } = await client.upload<UploadCheck>("POST", path, file);
      terminal.show(json ? body : checkLines(body, terminal));
      return body.accepted && body.invalidRowCount === 0 ? exit.done : exit.no;
    },
  },
  create: {
    takes: ["batch", "endpoint", "file.csv"],
    flags: ["options", "watch", "rehearse"],
    does: "uploads a CSV (and --options FILE.json): the batch begins (--rehearse looks only, and copies nothing)",
    run: create,
  },
  list: {
    takes: [],
    flags: [],
    does: "shows all batches",
    async run({ client, terminal, json }) {
      const { value } = await client.get<{ value: readonly BatchView[] }>("batches");
      terminal.show(json ? value : batchLines(value, terminal));
      return exit.done;
    },
  },
  show: {
    takes: ["batch"],
    flags: [],
    does: "shows a batch",
    async run({ client, terminal, json, given: [batch = ""] }) {
      const view = await client.get<BatchView>(`batches/${segment(batch)}`);
      terminal.show(json ? view : batchHead(view, terminal));
      return exit.done;
    },
  },
  mailboxes: {
    takes: ["batch"],
    flags: ["status", "code", "search"],
    does: "lists mailboxes (--status, --code, --search)",
    run: listMailboxes,
  },
  errors: {
    takes: ["batch"],
    flags: [],
    does: "shows failures by code, with what to do",
    run: showErrors,
  },
  watch: {
    takes: ["batch"],
    flags: ["once"],
    does: "shows a batch as it gets on, until nothing is at work",
    run: ({ client, terminal, json, given: [batch = ""], flags }) =>
      watch(client, terminal, batch, { json, once: flags.once === true }),
  },
  rehearsal: {
    takes: ["batch"],
    flags: [],
    does: "shows what a rehearsal found of each mailbox",
    async run({ client, terminal, json, given: [batch = ""] }) {
      const all = await allMailboxes(client, batch, {});
      terminal.show(json ? all : rehearsalLines(all, terminal));
      return all.every(({ rehearsal }) => rehearsal !== null && rehearsal.fits !== false)
        ? exit.done
        : exit.no;
    },
  },
  start: {
    takes: ["batch"],
    flags: ["wait", "for-real"],
    does: "starts a batch, or goes on with a stopped one (--for-real ends a rehearsal)",
    run: (call) =>
      operate(call, "POST", call.flags["for-real"] === true ? "startForReal" : "start", undefined),
  },
  stop: acting("stop", "stops a batch after the messages in flight"),
  sync: acting("sync", "brings every synced mailbox up to date now"),
  retry: acting("retry", "tries failed mailboxes and skipped messages again"),
  complete: acting("complete", "does a last sync; daily syncs end"),
  approve: {
    takes: ["batch"],
    flags: ["code", "wait"],
    does: "accepts that what was skipped stays at the old server (--code CODE, repeatable)",
    run: async (call) => {
      const codes = call.flags.code;
      return operate(call, "POST", "approve", Array.isArray(codes) ? { codes } : {});
    },
  },
  undo: {
    takes: ["batch", "mailbox"],
    flags: ["for-good", "wait"],
    does: "takes what was copied for a mailbox out of its target (--for-good, else to the deleted items)",
    run: async (call) => {
      const [, mailbox = ""] = call.given;
      const forGood = call.flags["for-good"] === true;
      return operate(call, "POST", "undo", { mailboxes: [mailbox], forGood });
    },
  },
  forget: {
    takes: ["batch", "mailbox"],
    flags: ["accept-doubles", "wait"],
    does: "forgets what was copied for a mailbox: a start copies all of it again (--accept-doubles)",
    run: async (call) => {
      const [, mailbox = ""] = call.given;
      const acceptDoubles = call.flags["accept-doubles"] === true;
      return operate(call, "POST", "forget", { mailboxes: [mailbox], acceptDoubles });
    },
  },
  verify: {
    takes: ["batch"],
    flags: ["level", "sample"],
    does: "compares what arrived with the source (--level counts, items or content; --sample N), and shows what differs",
    run: verify,
  },
  cutover: {
    takes: ["batch"],
    flags: ["refresh"],
    does: "says whether the batch may be deleted (--refresh asks DNS now)",
    async run({ client, terminal, json, given: [batch = ""], flags }) {
      const refresh = flags.refresh === true ? "true" : undefined;
      const view = await client.get<CutoverView>(`batches/${segment(batch)}/cutover`, { refresh });
      terminal.show(json ? view : cutoverLines(view, terminal));
      return view.verdict === "ready" || view.verdict === "readyWithWarnings" ? exit.done : exit.no;
    },
  },
  reports: {
    takes: ["batch", "[report]"],
    flags: ["out"],
    does: "lists the reports, or prints one (--out FILE stores it)",
    run: getReports,
  },
  delete: {
    takes: ["batch"],
    flags: ["force", "wait"],
    does: "deletes a batch once that is safe (--force at once)",
    run: async (call) => operate(call, "DELETE", call.flags.force === true ? "?force=true" : "", undefined),
  },
};

function acting(action: string, does: string): Command {
  return { takes: ["batch"], flags: ["wait"], does, run: (call) => operate(call, "POST", action, undefined) };
}

/** Begins a verification, and waits until every mailbox was compared. */
async function verify({ client, terminal, json, given: [batch = ""], flags }: Call): Promise<ExitCode> {
  const { level, sample } = flags;
  const path = `batches/${segment(batch)}`;
  const { body } = await client.send<{ operation: { id: number } }>("POST", `${path}/verify`, {
    ...(level === undefined ? {} : { level }),
    ...(sample === undefined ? {} : { sample: Number(sample) }),
  });
  const until = Date.now() + patienceMs;
  const pause = pauses(longestPauseMs);
  for (;;) {
    const operation = await operationOf(client, batch, body.operation.id);
    const view = await client.get<BatchVerificationView>(`${path}/verification`);
    if (operation?.status === "Superseded") throw new Error("A later operation ended the verification.");
    if (operation?.status === "Finished" && view.verifyingCount === 0) {
      terminal.show(json ? view : verificationLines(view, terminal));
      return view.equalCount === view.mailboxCount ? exit.done : exit.no;
    }
    if (Date.now() > until)
      throw new Error("The verification is not over yet. It goes on by itself: see verification.csv.");
    await pause();
  }
}

/** Begins an operation, and with `--wait` follows it to its end. */
async function operate(
  { client, terminal, json, given: [batch = ""], flags }: Call,
  method: "POST" | "DELETE",
  action: string,
  content: unknown,
): Promise<ExitCode> {
  const tail = action.startsWith("?") || action === "" ? action : `/${action}`;
  const { body } = await client.send<{ operation: { id: number; kind: string } }>(
    method,
    `batches/${segment(batch)}${tail}`,
    content,
  );
  const { id, kind } = body.operation;
  if (flags.wait !== true) {
    terminal.show(json ? body : [`${kind} of ${batch} has begun (operation ${id}).`]);
    return exit.done;
  }
  const until = Date.now() + patienceMs;
  const pause = pauses(longestPauseMs);
  for (;;) {
    const operation = await operationOf(client, batch, id);
    if (operation === undefined || operation.status === "Finished" || operation.status === "Superseded") {
      terminal.show(json ? (operation ?? body) : [endOf(batch, kind, operation)]);
      return operation?.status === "Superseded" ? exit.no : exit.done;
    }
    if (Date.now() > until)
      throw new Error(`Operation ${id} of ${batch} is not over yet. It goes on by itself.`);
    await pause();
  }
}

/** @returns undefined once the batch, and with it the operation, is gone. */
async function operationOf(client: Client, batch: string, id: number): Promise<OperationView | undefined> {
  try {
    return await client.get<OperationView>(`batches/${segment(batch)}/operations/${id}`);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

function endOf(batch: string, kind: string, operation: OperationView | undefined): string {
  if (operation === undefined) return `${batch} is deleted.`;
  if (operation.status === "Superseded") return `${kind} of ${batch} was ended by a later operation.`;
  return `${kind} of ${batch} is through: ${operation.changedCount} ${operation.changedCount === 1 ? "mailbox" : "mailboxes"} changed.`;
}

async function putEndpoint({ client, terminal, json, given: [name = ""], flags }: Call): Promise<ExitCode> {
  const { host, port, security, settings, user } = flags;
  const password = process.env.SOURCE_PASSWORD;
  if (user !== undefined && !password)
    throw new Error("Give the password of --user in the environment, as SOURCE_PASSWORD.");
  const path = `endpoints/${segment(name)}`;
  if (typeof settings === "string") await client.upload("PUT", path, settings);
  else if (typeof host === "string")
    await client.send("PUT", path, {
      host,
      ...(port === undefined ? {} : { port: Number(port) }),
      ...(security === undefined
        ? {}
        : { security, ...(security === "none" ? { allowInsecure: true } : {}) }),
    });
  const { body } = await client.send<{ readonly steps: readonly TestStep[] }>(
    "POST",
    `${path}/test`,
    user === undefined ? undefined : { userName: user, password },
  );
  terminal.show(json ? body : stepLines(body.steps, terminal));
  return body.steps.some(({ outcome }) => outcome === "failed") ? exit.no : exit.done;
}

async function create(call: Call): Promise<ExitCode> {
  const { client, terminal, json, given, flags } = call;
  const [batch = "", endpoint = "", file = ""] = given;
  const path = `uploads/${segment(endpoint)}/${segment(batch)}`;
  const options = await optionsOf(flags);
  if (options !== undefined) await client.send("PUT", `${path}.json`, options);
  await client.upload("PUT", `${path}.csv`, file);
  const until = Date.now() + patienceMs;
  const pause = pauses(longestPauseMs);
  for (;;) {
    const view = await found(client, batch);
    if (view !== undefined && (view.totalCount > 0 || view.uploadError !== null)) {
      if (flags.watch === true && view.uploadError === null)
        return watch(client, terminal, batch, { json, once: false });
      terminal.show(json ? view : batchHead(view, terminal));
      return view.uploadError === null && view.invalidRowCount === 0 ? exit.done : exit.no;
    }
    if (Date.now() > until) throw new Error(`${batch} is not there yet: the app has not read the file.`);
    await pause();
  }
}

/** What stands in the file of options, if one is given. */
async function optionsOf({ options, rehearse }: Flags): Promise<object | undefined> {
  const chosen = rehearse === true ? { dryRun: true } : {};
  if (typeof options !== "string") return rehearse === true ? chosen : undefined;
  const text = await readFile(options, "utf8");
  try {
    return { ...(JSON.parse(text) as object), ...chosen };
  } catch {
    throw new Error(`${options} is no JSON.`);
  }
}

async function found(client: Client, batch: string): Promise<BatchView | undefined> {
  try {
    return await client.get<BatchView>(`batches/${segment(batch)}`);
  } catch (error) {
    if (error instanceof ApiError && error.code === "BatchNotFound") return undefined;
    throw error;
  }
}

async function listMailboxes({
  client,
  terminal,
  json,
  given: [batch = ""],
  flags,
}: Call): Promise<ExitCode> {
  const query = {
    status: textOf(flags.status),
    errorCode: textOf(flags.code),
    $search: textOf(flags.search),
  };
  const all = await allMailboxes(client, batch, query);
  terminal.show(json ? all : mailboxLines(all, terminal));
  return exit.done;
}

/** Of a batch, by address. */
async function allMailboxes(
  client: Client,
  batch: string,
  query: Readonly<Record<string, string | undefined>>,
): Promise<readonly MailboxView[]> {
  const ordered = { ...query, $top: "999", $orderby: "emailAddress" };
  const all: MailboxView[] = [];
  for await (const mailbox of client.items<MailboxView>(`batches/${segment(batch)}/mailboxes`, ordered))
    all.push(mailbox);
  return all;
}

async function showErrors({ client, terminal, json, given: [batch = ""] }: Call): Promise<ExitCode> {
  const path = `batches/${segment(batch)}/mailboxes`;
  const { facets } = await client.get<MailboxList>(path, { $top: "1" });
  const groups: ErrorGroup[] = [];
  for (const code of Object.keys(facets.errorCode)) {
    const query = { errorCode: code, status: "Failed", $top: examples };
    const { value, count } = await client.get<MailboxList>(path, query);
    if (count === 0) continue;
    groups.push({
      code,
      mailboxes: count,
      message: value[0]?.error?.message ?? "",
      examples: value.map(({ emailAddress }) => emailAddress),
    });
  }
  groups.sort((a, b) => b.mailboxes - a.mailboxes);
  terminal.show(json ? groups : errorLines(groups, terminal));
  return groups.length === 0 ? exit.done : exit.no;
}

async function getReports({
  client,
  terminal,
  json,
  given: [batch = "", report],
  flags,
}: Call): Promise<ExitCode> {
  const path = `batches/${segment(batch)}/reports`;
  if (report === undefined) {
    interface Report {
      readonly name: string;
      readonly size: number;
      readonly modifiedAt: string;
    }
    const { value } = await client.get<{ value: readonly Report[] }>(path);
    const columns = [
      { title: "Report", of: ({ name }: Report) => name },
      { title: "Size", of: ({ size }: Report) => bytes(size), right: true },
      { title: "Written", of: ({ modifiedAt }: Report) => clock(modifiedAt, terminal.now) },
    ];
    terminal.show(
      json
        ? value
        : value.length === 0
          ? ["No report was written yet."]
          : table(columns, value, terminal.width),
    );
    return exit.done;
  }
  const content = await client.download(`${path}/${segment(report)}`);
  if (typeof flags.out === "string") await writeFile(flags.out, content);
  else terminal.write(new TextDecoder().decode(content));
  return exit.done;
}

function segment(name: string): string {
  return encodeURIComponent(name);
}

function textOf(flag: Flags[string]): string | undefined {
  return typeof flag === "string" ? flag : undefined;
}
