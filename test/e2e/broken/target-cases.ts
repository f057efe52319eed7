import type { FaultyAnswer, GraphFault, SeenRequest } from "./graph-proxy.ts";

/** A way in which Graph is broken in places, as public reports tell. */
export interface TargetCase {
  readonly name: string;
  readonly title: string;
  /** Undefined for what is the source's doing. */
  readonly fault?: () => GraphFault;
  /** Messages that cannot arrive, and have to be named. */
  readonly named: number;
}

const second = 1_000;
const notFound = { status: 404, code: "ErrorItemNotFound" };

/** The subject of the message that is answered with 500. */
const refusedSubject = "message 2 of the inbox";

/** Answers like this from the first request that fits on, for a while. */
function forAWhile(
  ms: number,
  begins: (request: SeenRequest) => boolean,
  fits: typeof begins,
  answer: FaultyAnswer,
): GraphFault {
  let until: number | undefined;
  return {
    answer(request, now) {
      if (until === undefined && begins(request)) until = now + ms;
      return until !== undefined && now < until && fits(request) ? answer : undefined;
    },
  };
}

const isCreate = ({ method, url }: SeenRequest) =>
  method === "POST" && /\/mailFolders\/[^/]+\/messages$/.test(url);
const isInFolder = ({ url }: SeenRequest) => /\/mailFolders\/[^/?]{20,}/.test(url);

/** A folder that was just made is not seen for a while. */
function justMade(ms: number): GraphFault {
  const made = new Map<string, number>();
  return {
    answer({ url }, now) {
      const since = [...made].find(([id]) => decodeURIComponent(url).includes(id))?.[1];
      return since !== undefined && now < since + ms ? notFound : undefined;
    },
    saw({ method, url }, status, body, now) {
      if (method !== "POST" || !url.endsWith("/childFolders") || status !== 201) return;
      const { id } = JSON.parse(body) as { readonly id: string };
      made.set(id, now);
    },
  };
}

export const targetCases: readonly TargetCase[] = [
  { name: "whole", title: "nothing is broken", named: 0 },
  {
    name: "justMade",
    title: "a folder just made answers 404 for 30 s",
    fault: () => justMade(30 * second),
    named: 0,
  },
  {
    name: "anyFolder",
    title: "every folder answers 404 for 3 s",
    fault: () => forAWhile(3 * second, isCreate, isInFolder, notFound),
    named: 0,
  },
  {
    name: "tokens",
    title: "good tokens are answered 401 for 40 s",
    fault: () =>
      forAWhile(40 * second, isCreate, () => true, { status: 401, code: "InvalidAuthenticationToken" }),
    named: 0,
  },
  {
    name: "oneMessage",
    title: "one message is answered 500, always",
    fault: () => ({
      answer: (request) =>
        isCreate(request) && request.body.includes(refusedSubject)
          ? { status: 500, code: "ErrorInternalServerError" }
          : undefined,
    }),
    named: 1,
  },
  {
    name: "away500",
    title: "everything is answered 500 for 40 s",
    fault: () =>
      forAWhile(40 * second, isCreate, () => true, { status: 500, code: "ErrorInternalServerError" }),
    named: 0,
  },
  {
    name: "away503",
    title: "everything is answered 503 for 40 s",
    fault: () => forAWhile(40 * second, isCreate, () => true, { status: 503, code: "ServiceUnavailable" }),
    named: 0,
  },
  { name: "tooLarge", title: "a message is announced with 1.4 GB", named: 1 },
];
