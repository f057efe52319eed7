import type { MigrationError } from "../../domain/errors.ts";
import { parseRetryAfter } from "../retry-after.ts";
import { classifyRefusal } from "./classify.ts";
import { type GraphAnswer, type GraphCall, type GraphClient, immutableIds } from "./client.ts";
import type { MailboxGate } from "./gate.ts";

/** What the operations on one mailbox share. */
export interface MailboxSession {
  readonly client: GraphClient;
  readonly gate: MailboxGate;
  /** `/users/{id}`, URL-encoded. */
  readonly root: string;
  /** Milliseconds since 1970 after which nothing more is to be started; each call has its own limit where absent. */
  readonly deadline?: number;
}

/** A call whose path is below the mailbox's own. */
export function callMailbox<T>(session: MailboxSession, call: GraphCall): Promise<GraphAnswer<T>> {
  return session.client.call<T>(session.gate, {
    deadline: session.deadline,
    ...call,
    path: session.root + call.path,
  });
}

interface Page<T> {
  readonly value?: readonly T[];
  readonly "@odata.nextLink"?: string;
}

/**
 * All items of a collection, page by page.
 * @see https://learn.microsoft.com/graph/paging
 */
export async function listAll<T>(
  session: MailboxSession,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<readonly T[]> {
  const items: T[] = [];
  let page = await callMailbox<Page<T>>(session, { method: "GET", path, query, effect: "read" });
  for (;;) {
    items.push(...(page.body.value ?? []));
    const next = page.body["@odata.nextLink"];
    if (next === undefined) return items;
    page = await session.client.call<Page<T>>(session.gate, {
      method: "GET",
      ...relativeLink(next),
      effect: "read",
      deadline: session.deadline,
    });
  }
}

/** A next link is absolute, with the version in front. */
function relativeLink(link: string): {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
} {
  const url = new URL(link);
  return { path: url.pathname.replace(/^\/[^/]+/, ""), query: Object.fromEntries(url.searchParams) };
}

const maxBatch = 20;
const maxRounds = 10;
/** Parts of a batch that one mailbox works on at a time. */
const batchWeight = 4;

export interface BatchAnswer {
  readonly status: number;
  readonly body: unknown;
}

interface BatchResponse {
  readonly responses?: readonly {
    readonly id: string;
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: { readonly error?: { readonly code?: string } };
  }[];
}

/**
 * Reads many resources of the mailbox by `$batch`, twenty a request. Parts that were turned away or failed are asked for
 * again.
 * @param urls below the mailbox, query included and encoded.
 * @param expect error statuses handed back as an answer.
 * @returns the answers in the order of `urls`.
 * @throws MigrationError as a single call would.
 * @see https://learn.microsoft.com/graph/json-batching
 */
export async function readBatch(
  session: MailboxSession,
  urls: readonly string[],
  expect: readonly number[],
): Promise<readonly BatchAnswer[]> {
  const answers: (BatchAnswer | undefined)[] = urls.map(() => undefined);
  let pending = [...urls.keys()];
  for (let round = 1; pending.length > 0; round++) {
    for (let at = 0; at < pending.length; at += maxBatch) {
      const refused = await oneBatch(session, urls, pending.slice(at, at + maxBatch), answers, expect);
      const passing = refused?.kind === "throttled" || refused?.kind === "transient";
      if (refused !== undefined && (!passing || round === maxRounds)) throw refused;
    }
    pending = pending.filter((index) => answers[index] === undefined);
  }
  return answers.flatMap((answer) => answer ?? []);
}

/** @returns why parts of the batch have no answer, if they have none. */
async function oneBatch(
  session: MailboxSession,
  urls: readonly string[],
  indices: readonly number[],
  answers: (BatchAnswer | undefined)[],
  expect: readonly number[],
): Promise<MigrationError | undefined> {
  const { body } = await session.client.call<BatchResponse>(session.gate, {
    method: "POST",
    path: "/$batch",
    body: {
      requests: indices.map((index) => ({
        id: String(index),
        method: "GET",
        url: session.root + (urls[index] ?? ""),
        headers: { Prefer: immutableIds },
      })),
    },
    effect: "read",
    weight: batchWeight,
  });
  let refused: MigrationError | undefined;
  for (const response of body.responses ?? []) {
    if (response.status < 400 || expect.includes(response.status)) {
      answers[Number(response.id)] = { status: response.status, body: response.body };
      continue;
    }
    const headers = Object.entries(response.headers ?? {}).map(([name, value]) => [
      name.toLowerCase(),
      value,
    ]);
    const retryAfterMs = parseRetryAfter(Object.fromEntries(headers)["retry-after"], Date.now());
    const code = response.body?.error?.code ?? "";
    refused = classifyRefusal({ status: response.status, code, retryAfterMs }, "read");
    if (refused.retryAfterMs !== undefined) session.gate.pauseUntil(Date.now() + refused.retryAfterMs);
  }
  return refused;
}
