import type { MessageLook } from "../ports/target.ts";

/** By what a message is recognised under another id, in one text; undefined where that tells too little. Pure. */
export function lookKey({ messageId, sentAt, from, subject }: MessageLook): string | undefined {
  if (messageId !== undefined) return JSON.stringify([messageId, sentAt ?? null]);
  return sentAt === undefined || (from === undefined && subject === undefined)
    ? undefined
    : JSON.stringify([null, sentAt, from ?? null, subject ?? null]);
}
