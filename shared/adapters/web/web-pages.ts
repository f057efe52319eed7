import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { WebPage, WebPages } from "../../migration/ports/web-pages.ts";
import { pinnedLookup } from "../pinned-lookup.ts";

const maxBytes = 65_536;

/** Small pages of servers that nobody vouches for. */
export function createWebPages(): WebPages {
  return {
    async get(url, addresses, signal) {
      try {
        return await read(url, addresses, signal);
      } catch {
        return undefined;
      }
    },
  };
}

async function read(
  url: URL,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<WebPage | undefined> {
  const call = request(url, {
    // A connection of its own: a shared one may lead to other addresses.
    agent: false,
    lookup: pinnedLookup(addresses),
    headers: { "accept-encoding": "identity", "user-agent": "imap-to-m365" },
    signal,
  });
  // Whatever goes wrong after the answer began ends the reading of it.
  call.on("error", () => undefined);
  call.end();
  try {
    // A server that switches protocols ends the call without an answer and without an error.
    const ended = once(call, "close").then(() => undefined);
    const answer = await Promise.race([once(call, "response") as Promise<[IncomingMessage]>, ended]);
    if (answer === undefined) return undefined;
    const [response] = answer;
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxBytes) return undefined;
    }
    return {
      status: response.statusCode ?? 0,
      location: response.headers.location,
      text: Buffer.concat(chunks).toString("utf8"),
    };
  } finally {
    call.destroy();
  }
}
