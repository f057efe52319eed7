import type { EndpointTestView, ListedFolder } from "../../domain/api/servers.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { EndpointName } from "../../domain/names.ts";
import type { Dns } from "../ports/dns.ts";
import type { ProbeReport, ProbeStep, ServerProbe, Step } from "../ports/server-probe.ts";
import type { SourceConnector, SourceDialect, SourceFolder, SourceMailbox } from "../ports/source.ts";
import type { SettingIssue } from "./json-file.ts";
import type { EndpointManagement } from "./manage-endpoints.ts";

/** Longest look at a server from outside, in milliseconds. */
const probeMs = 60_000;
/** Folders told of one mailbox. */
const maxFolders = 2_000;

export type TestStep = ProbeStep | Step<"dns" | "login" | "folders" | "dialect">;

/** A user to log in as, in any form that a row of a migration file may have. */
export interface TestUser {
  readonly userName: string;
  /** Used for this one login only. Needed unless the endpoint has tokens of its own. */
  readonly password?: string | undefined;
  readonly userRoot?: string | undefined;
}

export interface EndpointTestReport extends Omit<ProbeReport, "steps"> {
  readonly name: EndpointName;
  /** True if a migration of this user would get as far as here. */
  readonly ok: boolean;
  /** Ends with the first step after which nothing more could be tried. */
  readonly steps: readonly TestStep[];
  readonly folders?: EndpointTestView["folders"];
  /** What the server turned out to be and to do, after a login. */
  readonly dialect?: SourceDialect | undefined;
}

export type EndpointTestOutcome =
  | { readonly outcome: "notFound" }
  | { readonly outcome: "invalid"; readonly issues: readonly SettingIssue[] }
  | { readonly outcome: "passwordMissing" }
  | { readonly outcome: "tested"; readonly report: EndpointTestReport };

export interface EndpointTest {
  /**
   * Tries everything that a migration needs of a source server, and changes nothing there. Repeatable.
   * @throws MigrationError if the settings cannot be read; what is wrong with the server stands in the report.
   */
  test(name: EndpointName, user?: TestUser): Promise<EndpointTestOutcome>;
}

export interface EndpointTestParts {
  readonly endpoints: Pick<EndpointManagement, "get">;
  readonly dns: Dns;
  readonly probe: ServerProbe;
  readonly source: SourceConnector;
  /** Whether a connection may be made to an address: whoever may write endpoints may name any server. */
  readonly isPermitted: (address: string) => boolean;
}

export function createEndpointTest({
  endpoints,
  dns,
  probe,
  source,
  isPermitted,
}: EndpointTestParts): EndpointTest {
  async function run(
    endpoint: Endpoint,
    user: TestUser | undefined,
  ): Promise<Omit<EndpointTestReport, "name">> {
    const steps: TestStep[] = [];
    const noneFailed = () => steps.every(({ outcome }) => outcome !== "failed");
    const addresses = await attempt(steps, "dns", () => resolve(endpoint.host));
    if (addresses === undefined) return { ok: false, steps };

    const seen = await probe.probe({ ...endpoint, addresses }, AbortSignal.timeout(probeMs));
    steps.push(...seen.steps);
    const found = user && noneFailed() ? await logIn(steps, endpoint, user) : undefined;
    return { ...seen, ok: noneFailed(), steps, ...found };
  }

  async function resolve(host: string): Promise<Done<readonly string[]>> {
    const found = await dns.addresses(host);
    const addresses = found.filter(isPermitted);
    if (addresses.length > 0) return { result: addresses, message: `${host} is ${addresses.join(", ")}.` };
    if (found.length > 0)
      throw new MigrationError(
        "mailbox",
        "AddressNotPermitted",
        `${host} leads to no address that may be connected to: this machine, its link and the platform are none.`,
      );
    throw new MigrationError(
      "mailbox",
      "UnknownHost",
      `The name ${host} does not exist in DNS. Check the host name.`,
    );
  }

  async function logIn(steps: TestStep[], endpoint: Endpoint, user: TestUser): Promise<Found | undefined> {
    const mailbox = await attempt(steps, "login", async () => ({
      result: await source.open({ endpoint, ...user, password: user.password ?? "" }),
      message: "The server accepts the login.",
    }));
    return mailbox && lookInto(steps, mailbox);
  }

  return {
    async test(name, user) {
      const endpoint = await endpoints.get(name);
      if (endpoint === undefined) return { outcome: "notFound" };
      if ("issues" in endpoint) return { outcome: "invalid", issues: endpoint.issues };
      if (user && !user.password && endpoint.settings.authentication === "password")
        return { outcome: "passwordMissing" };
      return { outcome: "tested", report: { name, ...(await run(endpoint.settings, user)) } };
    },
  };
}

type Found = Pick<EndpointTestReport, "folders" | "dialect">;

async function lookInto(steps: TestStep[], mailbox: SourceMailbox): Promise<Found> {
  try {
    const folders = await attempt(steps, "folders", async () => {
      const listed = (await mailbox.listFolders()).filter(({ selectable }) => selectable);
      const messages = listed.reduce((sum, { status }) => sum + (status?.messages ?? 0), 0);
      const value = listed.slice(0, maxFolders).map(listedFolder);
      const result = { count: listed.length, messages, value };
      return { result, message: `The mailbox has ${result.count} folders with ${messages} messages.` };
    });
    const dialect = folders === undefined ? undefined : mailbox.dialect?.();
    if (dialect !== undefined) steps.push(dialectStep(dialect));
    return { folders, dialect };
  } finally {
    await mailbox.close();
  }
}

function listedFolder({ segments, specialUse, subscribed, onRequest, status }: SourceFolder): ListedFolder {
  return {
    segments: [...segments],
    specialUse: specialUse ?? null,
    subscribed,
    onRequest: onRequest === true,
    messages: status?.messages ?? null,
  };
}

/** What a migration does without, in the words of an operator. */
const lostWithout: Readonly<Record<string, string>> = {
  CONDSTORE:
    "a change of flags alone is noticed within seven days, and every round after one reads all flags",
  ESEARCH: "a round reads the numbers of all messages of a changed folder one by one",
  "LIST-STATUS": "a round asks for each folder by itself",
  "SPECIAL-USE": "Sent, Drafts, Trash and Junk are known by their names alone",
};

function dialectStep({ software, extensions, messageLimit, adminForm }: SourceDialect): TestStep {
  const lacking = Object.entries(lostWithout).filter(([name]) => extensions[name] !== "works");
  const named = software === "" ? "The server does not name itself" : `The server is ${software}`;
  const limited = messageLimit === undefined ? "" : ` It looks at ${messageLimit} messages a command.`;
  const form = adminForm === undefined ? "" : ` An administrator reads users' mail there by ${adminForm}.`;
  const told = lacking.map(([name, loss]) => `${name} (${extensions[name]}): ${loss}`).join("; ");
  return {
    step: "dialect",
    outcome: lacking.length === 0 ? "ok" : "warning",
    message:
      lacking.length === 0
        ? `${named}, and has all that makes rounds quick.${limited}${form}`
        : `${named}. Without ${told}.${limited}${form}`,
    durationMs: 0,
  };
}

interface Done<T> {
  readonly result: T;
  /** What to say of it. */
  readonly message: string;
}

/** Does one step and notes how it went. @returns undefined if it failed. */
async function attempt<T>(
  steps: TestStep[],
  step: "dns" | "login" | "folders",
  work: () => Promise<Done<T>>,
): Promise<T | undefined> {
  const startedAt = performance.now();
  const note = (outcome: TestStep["outcome"], message: string, code?: string) =>
    steps.push({ step, outcome, code, message, durationMs: Math.round(performance.now() - startedAt) });
  try {
    const { result, message } = await work();
    note("ok", message);
    return result;
  } catch (error) {
    if (!isMigrationError(error)) throw error;
    note("failed", error.message, error.code);
    return undefined;
  }
}
