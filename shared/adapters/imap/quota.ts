import type { ImapResponse } from "imapflow";
import type { TargetRoom } from "../../migration/ports/target.ts";
import type { ImapConnection } from "./connection.ts";
import { mailbox, numberOf, textOf } from "./wire.ts";

/** STORAGE is counted in units of so many octets (RFC 9208, 5.1). */
const storageUnit = 1024;

/**
 * What the quotas over the inbox leave room for (GETQUOTAROOT, RFC 9208, 4.1.2); undefined where the server has no QUOTA or
 * refuses to tell. Reads only.
 * @throws MigrationError if there was no answer.
 */
export async function roomLeft(connection: ImapConnection): Promise<TargetRoom | undefined> {
  if (!connection.has("QUOTA")) return undefined;
  let room: TargetRoom = {};
  const reply = await connection.attempt("GETQUOTAROOT", [mailbox("INBOX")], {
    untagged: {
      QUOTA: async (response) => {
        room = tighterOf(room, roomIn(response));
      },
    },
  });
  if (reply.status === "OK") return room;
  const error = connection.refusal(reply);
  if (error.code !== "CommandRefused") throw error;
  return undefined;
}

/** A quota is a list of resources, each with its usage and its limit. */
function roomIn({ attributes }: ImapResponse): TargetRoom {
  const list = attributes?.[1];
  let room: TargetRoom = {};
  for (let at = 0; Array.isArray(list) && at + 2 < list.length; at += 3) {
    const used = numberOf(list[at + 1]);
    const limit = numberOf(list[at + 2]);
    if (used === undefined || limit === undefined) continue;
    const left = Math.max(0, limit - used);
    const resource = textOf(list[at]).toUpperCase();
    if (resource === "STORAGE") room = tighterOf(room, { bytes: left * storageUnit });
    if (resource === "MESSAGE") room = tighterOf(room, { items: left });
  }
  return room;
}

function tighterOf(one: TargetRoom, other: TargetRoom): TargetRoom {
  return { ...least("bytes", one, other), ...least("items", one, other) };
}

function least(of: keyof TargetRoom, one: TargetRoom, other: TargetRoom): TargetRoom {
  const [a, b] = [one[of], other[of]];
  if (a === undefined) return b === undefined ? {} : { [of]: b };
  return { [of]: Math.min(a, b ?? a) };
}
