import { createHash } from "node:crypto";
import { withoutBlankLine } from "../../domain/header-section.ts";

/** What a message is recognized by when its UID is not known. */
export interface Recognizable {
  readonly header: Buffer;
  readonly internalDate: Date;
  readonly size: number;
}

/**
 * Finds which stored messages are copies of which candidates, as a multiset: of several equal candidates and several
 * equal messages each takes one, in order; what is left over goes to the last of the candidates. Pure.
 *
 * First by the whole header and INTERNALDATE. A server that rewrites messages (Exchange Online) leaves Message-ID,
 * Date and INTERNALDATE, so what is still open is compared by these; size only where there is no Message-ID.
 * @param stored in ascending UID order.
 */
export function matchCopies<Candidate extends Recognizable, Stored extends Recognizable>(
  candidates: readonly Candidate[],
  stored: readonly Stored[],
): ReadonlyMap<Candidate, readonly Stored[]> {
  const matches = new Map<Candidate, Stored[]>();
  const exact = matchBy(exactKey, candidates, stored, matches);
  matchBy(
    looseKey,
    candidates.filter((candidate) => !matches.has(candidate)),
    stored.filter((message) => !exact.has(message)),
    matches,
  );
  return matches;
}

function matchBy<Candidate extends Recognizable, Stored extends Recognizable>(
  keyOf: (message: Recognizable) => string | undefined,
  candidates: readonly Candidate[],
  stored: readonly Stored[],
  matches: Map<Candidate, Stored[]>,
): ReadonlySet<Stored> {
  const waiting = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const key = keyOf(candidate);
    if (key !== undefined) waiting.set(key, [...(waiting.get(key) ?? []), candidate]);
  }
  const taken = new Set<Stored>();
  for (const message of stored) {
    const key = keyOf(message);
    const equals = key === undefined ? undefined : waiting.get(key);
    const candidate = equals?.[0];
    if (!equals || !candidate) continue;
    if (equals.length > 1) equals.shift();
    matches.set(candidate, [...(matches.get(candidate) ?? []), message]);
    taken.add(message);
  }
  return taken;
}

function exactKey({ header, internalDate }: Recognizable): string {
  const digest = createHash("sha256").update(withoutBlankLine(header)).digest("base64url");
  return `${digest} ${wholeSecond(internalDate)}`;
}

function looseKey({ header, internalDate, size }: Recognizable): string | undefined {
  const messageId = fieldOf(header, "message-id");
  const date = fieldOf(header, "date");
  if (messageId === undefined) return undefined;
  return JSON.stringify([messageId, date ?? size, wholeSecond(internalDate)]);
}

/** Value of the first field of this name, unfolded (RFC 5322, 2.2.3). */
function fieldOf(header: Buffer, name: string): string | undefined {
  const text = header.toString("latin1").replace(/\r?\n(?=[ \t])/g, "");
  const match = new RegExp(`^${name}[ \\t]*:(.*)$`, "im").exec(text);
  return match?.[1]?.trim() || undefined;
}

function wholeSecond(instant: Date): number {
  return Math.floor(instant.getTime() / 1_000);
}
