import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { FaultPlan, GraphOptions } from "../../stack/graph/index.ts";

const main = join(import.meta.dirname, "../../stack/graph/main.ts");
const token = "bench";

/** The Graph stand-in in a process of its own, so that nothing else takes its time. */
export interface GraphService {
  readonly baseUrl: string;
  readonly token: string;
  readonly pid: number;
  /** @returns the user's object id. */
  addMailbox(userPrincipalName: string): Promise<string>;
  /** Faults of the creates from now on. */
  setFaults(plan: FaultPlan): Promise<void>;
  /** @throws Error if a mailbox has not each of so many messages once. */
  expectOnce(mailbox: string, messages: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Takes four requests to a mailbox at once, as Exchange does, and each takes so long. Its limits of ten and of five minutes
 * are lifted: a run is over before they count.
 */
export async function startGraphService(latencyMs: number): Promise<GraphService> {
  const options: GraphOptions = { latencyMs, limits: { requests: 10_000_000, uploadBytes: 1e12 } };
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env.PATH, GRAPH_TOKEN: token, GRAPH_OPTIONS: JSON.stringify(options) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const { baseUrl } = JSON.parse(line) as { readonly baseUrl: string };

  async function ask(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(path.startsWith("http") ? path : baseUrl + path, {
      method,
      headers: { Authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  async function messageIds(mailbox: string): Promise<readonly string[]> {
    const ids: string[] = [];
    let next: string | undefined =
      `/v1.0/users/${mailbox}/mailFolders/inbox/messages?$select=internetMessageId&$top=1000`;
    while (next !== undefined) {
      const page = (await ask("GET", next)) as {
        readonly value: readonly { readonly internetMessageId: string }[];
        readonly "@odata.nextLink"?: string;
      };
      ids.push(...page.value.map(({ internetMessageId }) => internetMessageId));
      next = page["@odata.nextLink"];
    }
    return ids;
  }

  return {
    baseUrl,
    token,
    pid: child.pid as number,
    async addMailbox(userPrincipalName) {
      return ((await ask("POST", "/admin/mailboxes", { userPrincipalName })) as { readonly id: string }).id;
    },
    async setFaults(plan) {
      await ask("PUT", "/admin/faults", plan);
    },
    async expectOnce(mailbox, messages) {
      const ids = await messageIds(mailbox);
      const different = new Set(ids).size;
      if (different !== messages || ids.length !== messages)
        throw new Error(
          `of ${messages} messages ${messages - different} are lost and ${ids.length - different} twice`,
        );
    },
    async stop() {
      const closed = once(child, "close");
      child.kill("SIGTERM");
      await closed;
    },
  };
}

/**
 * Half of the faults are doubts, in which the message is stored and its sender not told, by a time-out of the gateway or a
 * broken connection; half are refusals with a Retry-After of a second.
 * @param share of the creates, 0 to 1.
 */
export function faultsOf(share: number): FaultPlan {
  return {
    seed: 1,
    route: "^POST /users/\\{user\\}/mailFolders/\\{folder\\}/messages$",
    throttled: share / 2,
    gatewayTimeout: share / 4,
    reset: share / 4,
    stored: 1,
    retryAfterSeconds: 1,
  };
}
